package main

import (
	"fmt"
	"strings"

	"github.com/anishathalye/porcupine"
)

// group is the secrets that env operations join, and their numbers in a state.
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

// step is the vault as its contract describes it, one operation at a time: whether the outcome is right in a state,
// and the state after it.
func (g *group) step(state vault, op *Operation) (bool, vault) {
	if op.Outcome != outcomeDone {
		// A write that was repeated under its key and took place is never told that it was refused.
		for _, written := range op.written() {
			if state.holds(written, g.number[written.Name]) {
				return false, state
			}
		}
	}
	if op.Kind == kindEnv {
		return g.stepEnv(state, op)
	}
	secret := g.number[op.Name]
	last := state[secret].count()
	if op.Kind == kindVersion {
		return stepVersion(state[secret].at(op.Wanted), op), state
	}
	switch op.Outcome {
	case outcomeMissing:
		return last == 0, state
	case outcomeExists:
		return last > 0, state
	case outcomeConflict:
		return last > 0 && last == op.Current && last != op.IfMatch, state
	}
	switch op.Kind {
	case kindCreate:
		return last == 0 && op.Version == 1, state.with(secret, op.Value)
	case kindUpdate:
		follows := op.IfMatch == 0 || op.IfMatch == last
		return last > 0 && op.Version == last+1 && follows, state.with(secret, op.Value)
	case kindGet:
		return len(op.Seen) == 1 && state.shows(secret, op.Seen), state
	case kindVersions:
		whole := len(op.Seen) == min(last, versionsPage)
		return last > 0 && whole && state.shows(secret, op.Seen), state
	case kindFinal:
		return len(op.Seen) == last && state.shows(secret, fromTheLast(op.Seen)), state
	}
	return false, state
}

// versionsPage is how many versions a page with values holds.
const versionsPage = 10

func (g *group) stepEnv(state vault, op *Operation) (bool, vault) {
	var existing, missing []string
	for _, written := range op.Creates {
		if state[g.number[written.Name]] != nil {
			existing = append(existing, written.Name)
		}
	}
	for _, name := range op.Reads {
		if state[g.number[name]] == nil {
			missing = append(missing, name)
		}
	}
	switch op.Outcome {
	case outcomeExists:
		return len(existing) > 0 && sameNames(existing, op.Names), state
	case outcomeMissing:
		return len(existing) == 0 && len(missing) > 0 && sameNames(missing, op.Names), state
	}
	if len(existing) > 0 || len(missing) > 0 || len(op.Seen) != len(op.Reads) {
		return false, state
	}
	for index, seen := range op.Seen {
		if seen.Name != op.Reads[index] || !state.shows(g.number[seen.Name], op.Seen[index:index+1]) {
			return false, state
		}
	}
	for _, written := range op.Creates {
		state = state.with(g.number[written.Name], written.Value)
	}
	return true, state
}

// stepVersion tells whether the outcome is right where that version stands, or none does.
func stepVersion(stands *version, op *Operation) bool {
	if op.Outcome == outcomeMissing {
		return stands == nil
	}
	right := stands != nil && len(op.Seen) == 1
	return right && op.Seen[0].Version == stands.number && op.Seen[0].Value == stands.value
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
	words := []string{op.Kind, strings.Join(op.names(), " ")}
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
		words = append(words, fmt.Sprintf("%s:%d=%s", seen.Name, seen.Version, seen.Value))
	}
	return strings.Join(words, " ")
}

func (g *group) describe(state vault) string {
	var parts []string
	for name, secret := range g.number {
		if last := state[secret]; last != nil {
			parts = append(parts, fmt.Sprintf("%s:%d=%s", name, last.number, last.value))
		}
	}
	return strings.Join(parts, " ")
}
