package main

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// Report says what a check found in a history.
type Report struct {
	Operations int `json:"operations"`
	Groups     int `json:"groups"`
	// The shares of the operations that ran at the same time as another one on the same secret, and of
	// those that a condition refused (exists, conflict).
	Overlapping float64 `json:"overlapping"`
	Refused     float64 `json:"refused"`
	// How many operations have an unknown outcome, and how many of these turned out to have taken
	// effect.
	Unknown  int    `json:"unknown"`
	Resolved int    `json:"resolved"`
	Verdict  string `json:"verdict"`
	// Why the verdict is not Ok.
	Problems []string `json:"problems"`
}

// Options are the options of a check.
type Options struct {
	// How long the check may take.
	Timeout time.Duration
	// The folder for a picture of the first group that is not linearizable. If empty, there is none.
	Folder string
}

// check judges a whole history. The verdict is Ok only if every group is certainly linearizable.
func check(history []*Operation, options Options) Report {
	report := Report{Verdict: string(porcupine.Ok), Problems: []string{}}
	measure(history, &report)
	resolved, problems := resolve(history, &report)
	for _, problem := range problems {
		report.fail(porcupine.Illegal, problem)
	}
	deadline := time.Now().Add(options.Timeout)
	for _, operations := range partition(split(resolved)) {
		report.Groups++
		// porcupine takes 0 to mean no limit.
		limit := max(time.Until(deadline), time.Millisecond)
		checkGroup(operations, Options{limit, options.Folder}, &report)
	}
	return report
}

func (report *Report) fail(verdict porcupine.CheckResult, problem string) {
	if report.Verdict != string(porcupine.Illegal) {
		report.Verdict = string(verdict)
	}
	report.Problems = append(report.Problems, problem)
}

// resolve decides which of the operations with an unknown outcome took effect. No two writes have
// the same value, so the versions at the end show that. Those that took effect may have done so at
// any time up to the end of the history. The others are left out, and so are operations whose reply
// says that they had no effect. If the end contradicts such a reply, that is a problem.
func resolve(history []*Operation, report *Report) (resolved []*Operation, problems []string) {
	stands, destroyed := atTheEnd(history)
	for _, op := range history {
		if op.Outcome != outcomeUnknown && op.Outcome != outcomeNothing {
			resolved = append(resolved, op)
			continue
		}
		done := *op
		// No reply showed what it read, so that cannot be checked.
		done.Outcome, done.Return = outcomeDone, math.MaxInt64
		if op.Kind == kindEnv {
			done.Reads = nil
		}
		if op.Kind == kindDestroy && op.Outcome == outcomeUnknown {
			// Another operation may have destroyed the version instead, before or after this one.
			if end, is := destroyed[place{op.Name, op.Wanted}]; is {
				report.Resolved++
				done.Seen = []Seen{end}
				resolved = append(resolved, &done)
			}
			continue
		}
		written := op.written()
		for _, one := range written {
			if number := stands[one]; number > 0 {
				done.Version = number
				done.Versions = append(done.Versions, number)
			}
		}
		switch {
		case len(done.Versions) == 0:
		case len(done.Versions) < len(written):
			problems = append(problems, fmt.Sprintf("half of a file stands: %s", describe(op)))
		case op.Outcome == outcomeNothing:
			problems = append(problems, fmt.Sprintf("stands, though the reply said that nothing was written: %s", describe(op)))
		default:
			report.Resolved++
			resolved = append(resolved, &done)
		}
	}
	return resolved, problems
}

// place identifies a version by its secret and its number.
type place struct {
	name   string
	number int
}

// atTheEnd returns the version that each value has at the end, and the versions that were
// destroyed. The value of a destroyed version is known from earlier replies, because clients
// destroy only versions that a reply has shown.
func atTheEnd(history []*Operation) (stands map[Written]int, destroyed map[place]Seen) {
	stands, destroyed = make(map[Written]int), make(map[place]Seen)
	for _, op := range history {
		if op.Kind != kindFinal {
			continue
		}
		for _, seen := range op.Seen {
			if seen.State == stateDestroyed {
				destroyed[place{seen.Name, seen.Version}] = seen
			}
			if seen.Copy != "" {
				stands[Written{seen.Name, seen.Copy}] = seen.Version
			} else if seen.State != stateDestroyed {
				stands[Written{seen.Name, seen.Value}] = seen.Version
			}
		}
	}
	learn := func(written Written, number int) {
		if end, is := destroyed[place{written.Name, number}]; is && end.Copy == "" {
			stands[written] = number
		}
	}
	for _, op := range history {
		if op.Outcome != outcomeDone || op.Kind == kindList {
			continue
		}
		for _, seen := range op.Seen {
			if seen.State == "" {
				learn(Written{seen.Name, seen.Value}, seen.Version)
			}
		}
		for index, written := range op.written() {
			number := op.Version
			if op.Kind == kindEnv && index < len(op.Versions) {
				number = op.Versions[index]
			}
			learn(written, number)
		}
	}
	return stands, destroyed
}

// split moves the destroyed versions that a list of versions shows into a second operation. A list
// reads the head at one instant and the other versions later, and these may be destroyed in
// between.
func split(history []*Operation) []*Operation {
	var parts []*Operation
	for _, op := range history {
		parts = append(parts, op)
		if op.Kind != kindVersions {
			continue
		}
		later := *op
		later.Kind, later.Seen = kindDestroyed, nil
		for _, seen := range op.Seen {
			if seen.State == stateDestroyed {
				later.Seen = append(later.Seen, seen)
			}
		}
		if len(later.Seen) > 0 {
			parts = append(parts, &later)
		}
	}
	return parts
}

// unread returns the secrets whose versions were not read at the end. Without that read, unknown
// outcomes cannot be resolved.
func unread(history []*Operation) []string {
	read := make(map[string]bool)
	for _, op := range history {
		if op.Kind == kindFinal {
			read[op.Name] = true
		}
	}
	var names []string
	for _, op := range history {
		for _, name := range op.names() {
			if !read[name] {
				read[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}

// partition splits a history into groups. Secrets that are named by the same operation are in the
// same group.
func partition(history []*Operation) [][]*Operation {
	parent := make(map[string]string)
	root := func(name string) string {
		for parent[name] != "" && parent[name] != name {
			name = parent[name]
		}
		return name
	}
	for _, op := range history {
		names := op.names()
		for _, name := range names {
			parent[root(name)] = root(names[0])
		}
	}
	groups := make(map[string][]*Operation)
	for _, op := range history {
		name := root(op.names()[0])
		groups[name] = append(groups[name], op)
	}
	names := make([]string, 0, len(groups))
	for name := range groups {
		names = append(names, name)
	}
	slices.Sort(names)
	partitions := make([][]*Operation, 0, len(groups))
	for _, name := range names {
		partitions = append(partitions, groups[name])
	}
	return partitions
}

func checkGroup(operations []*Operation, options Options, report *Report) {
	if names := unread(operations); len(names) > 0 {
		report.fail(porcupine.Unknown, fmt.Sprintf("not read at the end: %s", some(names)))
		return
	}
	g := &group{number: make(map[string]int)}
	history := make([]porcupine.Operation, 0, len(operations))
	for _, op := range operations {
		for _, name := range op.names() {
			if _, known := g.number[name]; !known {
				g.number[name] = len(g.number)
			}
		}
		history = append(history, porcupine.Operation{ClientId: op.Client, Input: op, Call: op.Call, Return: op.Return})
	}
	verdict := porcupine.CheckOperationsTimeout(g.model(), history, options.Timeout)
	if verdict == porcupine.Ok {
		return
	}
	word := map[porcupine.CheckResult]string{
		porcupine.Illegal: "not linearizable",
		porcupine.Unknown: "not decided in time",
	}[verdict]
	report.fail(verdict, fmt.Sprintf("%s: the %d operations on %s", word, len(operations), some(g.names())))
	if options.Folder != "" && len(report.Problems) == 1 {
		_, info := porcupine.CheckOperationsVerbose(g.model(), history, options.Timeout)
		file := filepath.Join(options.Folder, "not-linearizable.html")
		if porcupine.VisualizePath(g.model(), info, file) == nil {
			report.Problems = append(report.Problems, "a picture of them is in "+file)
		}
	}
}

func some(names []string) string {
	slices.Sort(names)
	if len(names) > 4 {
		return fmt.Sprintf("%s and %d other secrets", names[0], len(names)-1)
	}
	return strings.Join(names, ", ")
}
