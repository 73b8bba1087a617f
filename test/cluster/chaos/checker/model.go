package main

import (
	"fmt"
	"strings"

	"github.com/anishathalye/porcupine"
)

// group is a set of secrets that operations on several secrets connect. Each has a number, which is
// its index in a state.
type group struct {
	number map[string]int
}

func (g *group) names() []string {
	names := make([]string, 0, len(g.number))
	for name := range g.number {
		names = append(names, name)
	}
	return names
}

// step models the vault as its contract describes it, one operation at a time. It returns whether
// the outcome of an operation is right in a state, and the state after it.
func (g *group) step(state vault, op *Operation) (bool, vault) {
	if op.Outcome != outcomeDone {
		// If a write took effect, no repetition under its key may be refused.
		for _, written := range op.written() {
			if state.holds(written, g.number[written.Name]) {
				return false, state
			}
		}
	}
	if op.Kind == kindEnv {
		return g.stepEnv(state, op)
	}
	if op.Kind == kindList {
		return g.isListed(state, op), state
	}
	secret := g.number[op.Name]
	last := state[secret]
	switch op.Kind {
	case kindCopy:
		return g.stepCopy(state, op)
	case kindVersion:
		return stepVersion(last.at(op.Wanted), op), state
	case kindDestroy:
		return stepDestroy(state, secret, op)
	case kindVersions:
		return stepVersions(state, secret, op), state
	case kindDestroyed:
		for _, seen := range op.Seen {
			if !last.at(seen.Version).isShownAs(seen) {
				return false, state
			}
		}
		return true, state
	case kindFinal:
		return len(op.Seen) == last.count() && state.shows(secret, fromTheLast(op.Seen)), state
	}
	switch op.Outcome {
	case outcomeMissing:
		return !last.isStored(), state
	case outcomeExists:
		return last.isStored(), state
	case outcomeConflict:
		return last.isStored() && last.number == op.Current && last.number != op.IfMatch, state
	}
	isNext := op.Version == last.count()+1
	follows := last.isStored() && (op.IfMatch == 0 || op.IfMatch == last.number)
	switch op.Kind {
	case kindCreate:
		return !last.isStored() && isNext, state.with(secret, link(last, version{value: op.Value}))
	case kindUpdate:
		return follows && isNext, state.with(secret, link(last, version{value: op.Value}))
	case kindDelete:
		return follows && isNext, state.with(secret, link(last, version{value: op.Value, isDeleted: true}))
	case kindGet:
		return last.isStored() && len(op.Seen) == 1 && state.shows(secret, op.Seen), state
	}
	return false, state
}

// stepCopy stores the value that the source has at that instant. The vault may notice that the
// source is destroyed after it has looked at the secret that is written.
func (g *group) stepCopy(state vault, op *Operation) (bool, vault) {
	secret := g.number[op.Name]
	last, source := state[secret], state[g.number[op.Reads[0]]]
	if op.Wanted > 0 {
		source = source.at(op.Wanted)
	}
	isReady := last.isStored() == op.Next && (op.IfMatch == 0 || op.IfMatch == last.number)
	switch op.Outcome {
	case outcomeExists:
		return !op.Next && last.isStored(), state
	case outcomeConflict:
		return last.isStored() && last.number == op.Current && last.number != op.IfMatch, state
	case outcomeMissing:
		return op.Next && !last.isStored() || isReady && !source.isStored(), state
	case outcomeDestroyed:
		return source.isStored() && source.destroyed != "", state
	}
	hasValue := source.isStored() && source.destroyed == "" && (len(op.Seen) == 0 || op.Seen[0].Version == source.number)
	if !isReady || !hasValue || op.Version != last.count()+1 {
		return false, state
	}
	return true, state.with(secret, link(last, version{value: source.value, copy: op.Value}))
}

// stepVersions returns whether a list of versions is right. A list shows the head at one instant
// and the other versions at a later one, when they may be destroyed. See kindDestroyed.
func stepVersions(state vault, secret int, op *Operation) bool {
	last := state[secret]
	if op.Outcome == outcomeMissing {
		return last == nil
	}
	if last == nil || len(op.Seen) != min(last.number, versionsPage) {
		return false
	}
	at := last
	for _, seen := range op.Seen {
		mayBeDestroyedLater := seen.State == stateDestroyed && at.number == seen.Version && at != last && !at.isDeleted
		if !mayBeDestroyedLater && !at.isShownAs(seen) {
			return false
		}
		at = at.before
	}
	return true
}

// stepDestroy destroys a version below the current one. A version that is already destroyed keeps
// its instant.
func stepDestroy(state vault, secret int, op *Operation) (bool, vault) {
	last := state[secret]
	wanted := last.at(op.Wanted)
	if wanted == nil {
		return op.Outcome == outcomeMissing, state
	}
	if wanted.isDeleted {
		return op.Outcome == outcomeEmpty, state
	}
	if wanted == last {
		return op.Outcome == outcomeCurrent, state
	}
	if op.Outcome != outcomeDone || len(op.Seen) != 1 {
		return false, state
	}
	if wanted.destroyed != "" {
		return wanted.isShownAs(op.Seen[0]), state
	}
	next := last.destroy(op.Wanted, op.Seen[0].Value)
	return next.at(op.Wanted).isShownAs(op.Seen[0]), state.with(secret, next)
}

// isListed returns whether all secrets in a list had these versions and the requested state.
// Secrets that are missing from the list are ignored, because the index may lag behind.
func (g *group) isListed(state vault, op *Operation) bool {
	for _, seen := range op.Seen {
		last := state[g.number[seen.Name]]
		isAsked := last != nil && last.number == seen.Version && last.isDeleted == (op.State == stateDeleted)
		if !isAsked || (last.isDeleted && !last.isShownAs(seen)) {
			return false
		}
	}
	return true
}

// versionsPage is the number of versions on a page with values.
const versionsPage = 10

func (g *group) stepEnv(state vault, op *Operation) (bool, vault) {
	var existing, missing []string
	for _, written := range op.Creates {
		isStored := state[g.number[written.Name]].isStored()
		if isStored && !op.Next {
			existing = append(existing, written.Name)
		}
		if !isStored && op.Next {
			missing = append(missing, written.Name)
		}
	}
	for _, name := range op.Reads {
		if !state[g.number[name]].isStored() {
			missing = append(missing, name)
		}
	}
	switch op.Outcome {
	case outcomeExists:
		return len(existing) > 0 && sameNames(existing, op.Names), state
	case outcomeMissing:
		return len(existing) == 0 && len(missing) > 0 && sameNames(missing, op.Names), state
	}
	isWhole := len(op.Seen) == len(op.Reads) && len(op.Versions) == len(op.Creates)
	if len(existing) > 0 || len(missing) > 0 || !isWhole {
		return false, state
	}
	for index, seen := range op.Seen {
		if seen.Name != op.Reads[index] || !state.shows(g.number[seen.Name], op.Seen[index:index+1]) {
			return false, state
		}
	}
	for index, written := range op.Creates {
		secret := g.number[written.Name]
		last := state[secret]
		if op.Versions[index] != last.count()+1 {
			return false, state
		}
		state = state.with(secret, link(last, version{value: written.Value}))
	}
	return true, state
}

// stepVersion returns whether the outcome is right for a version, which is nil if it does not
// exist. A deletion has no value that could be read.
func stepVersion(wanted *version, op *Operation) bool {
	switch op.Outcome {
	case outcomeMissing:
		return !wanted.isStored()
	case outcomeDestroyed:
		return wanted.isStored() && wanted.destroyed != ""
	}
	return wanted.isStored() && len(op.Seen) == 1 && wanted.isShownAs(op.Seen[0])
}

func fromTheLast(seen []Seen) []Seen {
	reversed := make([]Seen, 0, len(seen))
	for index := len(seen) - 1; index >= 0; index-- {
		reversed = append(reversed, seen[index])
	}
	return reversed
}

func sameNames(a, b []string) bool {
	names := make(map[string]bool)
	for _, name := range a {
		names[name] = true
	}
	for _, name := range b {
		if !names[name] {
			return false
		}
	}
	return len(a) == len(b)
}

func (g *group) model() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return make(vault, len(g.number)) },
		Step: func(state, input, _ any) (bool, any) { return g.step(state.(vault), input.(*Operation)) },
		Equal: func(a, b any) bool {
			for secret, last := range a.(vault) {
				if !sameVersions(last, b.(vault)[secret]) {
					return false
				}
			}
			return true
		},
		Hash: func(state any) uint64 {
			hash := uint64(0)
			for _, last := range state.(vault) {
				hash *= 1099511628211
				if last != nil {
					hash ^= last.hash
				}
			}
			return hash
		},
		DescribeOperation: func(input, _ any) string { return describe(input.(*Operation)) },
		DescribeState:     func(state any) string { return g.describe(state.(vault)) },
	}
}

func describe(op *Operation) string {
	words := []string{op.Kind, op.State, strings.Join(op.names(), " ")}
	if op.Wanted > 0 {
		words = append(words, fmt.Sprintf("version %d", op.Wanted))
	}
	if op.IfMatch > 0 {
		words = append(words, fmt.Sprintf("if at %d", op.IfMatch))
	}
	words = append(words, "→", op.Outcome)
	if op.Version > 0 {
		words = append(words, fmt.Sprintf("version %d", op.Version))
	}
	if op.Current > 0 {
		words = append(words, fmt.Sprintf("at %d", op.Current))
	}
	words = append(words, op.Names...)
	for _, seen := range op.Seen {
		words = append(words, fmt.Sprintf("%s:%d=%s%s", seen.Name, seen.Version, seen.State, seen.Value))
	}
	return strings.Join(words, " ")
}

func (g *group) describe(state vault) string {
	var parts []string
	for name, secret := range g.number {
		if last := state[secret]; last != nil {
			state := ""
			if last.isDeleted {
				state = stateDeleted
			}
			parts = append(parts, fmt.Sprintf("%s:%d=%s%s", name, last.number, state, last.value))
		}
	}
	return strings.Join(parts, " ")
}
