package main

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"
)

func at(call, ret int64, op Operation) *Operation {
	op.Call, op.Return = call, ret
	return &op
}

func shown(name string, version int, value string) Seen {
	return Seen{Name: name, Version: version, Value: value}
}

func create(name, value string) Operation {
	return Operation{Kind: kindCreate, Name: name, Value: value, Outcome: outcomeDone, Version: 1}
}

func update(name, value string, version int) Operation {
	return Operation{Kind: kindUpdate, Name: name, Value: value, Outcome: outcomeDone, Version: version}
}

func remove(name, note string, version int) Operation {
	return Operation{Kind: kindDelete, Name: name, Value: note, Outcome: outcomeDone, Version: version}
}

func get(name, value string, version int) Operation {
	return Operation{Kind: kindGet, Name: name, Outcome: outcomeDone, Seen: []Seen{shown(name, version, value)}}
}

func file(creates []Written, reads ...Seen) Operation {
	op := Operation{Kind: kindEnv, Creates: creates, Seen: reads, Outcome: outcomeDone}
	for range creates {
		op.Versions = append(op.Versions, 1)
	}
	for _, read := range reads {
		op.Reads = append(op.Reads, read.Name)
	}
	return op
}

func with(op Operation, change func(*Operation)) Operation {
	change(&op)
	return op
}

func outcome(word string) func(*Operation) {
	return func(op *Operation) { op.Outcome, op.Version, op.Versions, op.Seen = word, 0, nil, nil }
}

// final makes the read of all versions of a secret at the end.
func final(name string, values ...string) *Operation {
	op := Operation{Kind: kindFinal, Name: name, Outcome: outcomeDone}
	for index, value := range values {
		op.Seen = append(op.Seen, shown(name, index+1, value))
	}
	return at(1_000_000, 1_000_001, op)
}

func judge(history ...*Operation) Report {
	return check(history, Options{Timeout: 20 * time.Second})
}

func expect(t *testing.T, verdict string, history ...*Operation) {
	t.Helper()
	if report := judge(history...); report.Verdict != verdict {
		t.Errorf("verdict %s, not %s: %v", report.Verdict, verdict, report.Problems)
	}
}

func TestWhatOneSecretMayShow(t *testing.T) {
	const a = "A"
	made := at(0, 10, create(a, "a1"))
	changed := at(20, 30, update(a, "a2", 2))
	end := final(a, "a1", "a2")
	refused := func(op Operation, word string) Operation { return with(op, outcome(word)) }
	cases := []struct {
		what    string
		verdict string
		history []*Operation
	}{
		{"what was written before", "Ok", []*Operation{made, at(12, 14, get(a, "a1", 1)), changed, at(32, 34, get(a, "a2", 2)), end}},
		{"old or new while it is written", "Ok", []*Operation{made, changed, at(19, 21, get(a, "a1", 1)), at(22, 24, get(a, "a2", 2)), end}},
		{"a stale read", "Illegal", []*Operation{made, changed, at(31, 40, get(a, "a1", 1)), end}},
		{"new and then old", "Illegal", []*Operation{made, changed, at(21, 22, get(a, "a2", 2)), at(23, 29, get(a, "a1", 1)), end}},
		{"a value before it is written", "Illegal", []*Operation{made, changed, at(12, 14, get(a, "a2", 2)), end}},
		{"a value that nobody wrote", "Illegal", []*Operation{made, changed, at(32, 33, get(a, "x", 2)), end}},
		{"not there, before it is made", "Ok", []*Operation{at(0, 5, refused(get(a, "", 0), outcomeMissing)), made, changed, end}},
		{"not there, after it was made", "Illegal", []*Operation{made, at(11, 12, refused(get(a, "", 0), outcomeMissing)), changed, end}},
		{"a second winner", "Illegal", []*Operation{made, at(0, 10, create(a, "b1")), changed, end}},
		{"a loser", "Ok", []*Operation{made, at(0, 9, refused(create(a, "b1"), outcomeExists)), changed, end}},
		{"a loser without a winner", "Illegal", []*Operation{at(0, 3, refused(create(a, "b1"), outcomeExists)), at(4, 10, create(a, "a1")), changed, end}},
		{"a lost update", "Illegal", []*Operation{made, changed, at(31, 40, update(a, "a3", 3)), end}},
		{"a version twice", "Illegal", []*Operation{made, changed, at(20, 30, update(a, "a3", 2)), end}},
		{"a version left out", "Illegal", []*Operation{made, at(20, 30, update(a, "a2", 3)), end}},
		{"an update before the create", "Illegal", []*Operation{at(0, 1, update(a, "a2", 2)), at(2, 3, create(a, "a1")), end}},
	}
	for _, one := range cases {
		t.Run(one.what, func(t *testing.T) { expect(t, one.verdict, one.history...) })
	}
}

func TestConditionsAndLists(t *testing.T) {
	const a = "A"
	made, end := at(0, 10, create(a, "a1")), final(a, "a1", "a2")
	matching := func(op Operation, version int) Operation { op.IfMatch = version; return op }
	conflict := func(ifMatch, current int) Operation {
		return Operation{Kind: kindUpdate, Name: a, Value: "x", IfMatch: ifMatch, Outcome: outcomeConflict, Current: current}
	}
	list := func(seen ...Seen) Operation {
		return Operation{Kind: kindVersions, Name: a, Outcome: outcomeDone, Seen: seen}
	}
	changed := at(20, 30, matching(update(a, "a2", 2), 1))
	cases := []struct {
		what    string
		verdict string
		between []*Operation
	}{
		{"a condition that held", "Ok", nil},
		{"a conflict", "Ok", []*Operation{at(31, 32, conflict(1, 2))}},
		{"a conflict with what was asked for", "Illegal", []*Operation{at(31, 32, conflict(2, 2))}},
		{"a conflict with a version long gone", "Illegal", []*Operation{at(31, 32, conflict(7, 1))}},
		{"two whose condition held", "Illegal", []*Operation{at(20, 30, matching(update(a, "x", 2), 1))}},
		{"a condition that did not hold", "Illegal", []*Operation{at(40, 50, matching(update(a, "a3", 3), 1)), final(a, "a1", "a2", "a3")}},
		{"a list", "Ok", []*Operation{at(31, 32, list(shown(a, 2, "a2"), shown(a, 1, "a1")))}},
		{"a list with a gap", "Illegal", []*Operation{at(31, 32, list(shown(a, 2, "a2")))}},
		{"a stale list", "Illegal", []*Operation{at(31, 32, list(shown(a, 1, "a1")))}},
	}
	for _, one := range cases {
		t.Run(one.what, func(t *testing.T) {
			expect(t, one.verdict, append([]*Operation{made, changed, end}, one.between...)...)
		})
	}
}

func TestDeletionsEndSecretsAndNumbersNeverReturn(t *testing.T) {
	const a = "A"
	made, removed := at(0, 10, create(a, "a1")), at(20, 30, remove(a, "gone", 2))
	again := at(40, 50, with(create(a, "a3"), func(op *Operation) { op.Version = 3 }))
	gone := Seen{a, 2, "gone", stateDeleted, ""}
	end := at(1_000_000, 1_000_001, Operation{Kind: kindFinal, Name: a, Outcome: outcomeDone,
		Seen: []Seen{shown(a, 1, "a1"), gone, shown(a, 3, "a3")}})
	missing := func(op Operation) Operation { return with(op, outcome(outcomeMissing)) }
	versions := func(seen ...Seen) Operation {
		return Operation{Kind: kindVersions, Name: a, Outcome: outcomeDone, Seen: seen}
	}
	numbered := func(wanted int, word string, seen ...Seen) Operation {
		return Operation{Kind: kindVersion, Name: a, Wanted: wanted, Outcome: word, Seen: seen}
	}
	list := func(state string, seen ...Seen) Operation {
		return Operation{Kind: kindList, Reads: []string{a, "B"}, State: state, Outcome: outcomeDone, Seen: seen}
	}
	matching := func(version int) func(*Operation) { return func(op *Operation) { op.IfMatch = version } }
	cases := []struct {
		what    string
		verdict string
		between []*Operation
	}{
		{"nothing there after a deletion", "Ok", []*Operation{at(31, 32, missing(get(a, "", 0))), at(33, 34, missing(update(a, "x", 0))), at(35, 36, missing(remove(a, "x", 0)))}},
		{"a value after its deletion", "Illegal", []*Operation{at(31, 32, get(a, "a1", 1))}},
		{"nothing there before the deletion", "Illegal", []*Operation{at(11, 12, missing(get(a, "", 0)))}},
		{"nothing there after it is made again", "Illegal", []*Operation{at(51, 52, missing(get(a, "", 0)))}},
		{"a create that loses to a deletion", "Illegal", []*Operation{at(31, 32, with(create(a, "x"), outcome(outcomeExists)))}},
		{"a create that loses to the next create", "Ok", []*Operation{at(41, 60, with(create(a, "x"), outcome(outcomeExists)))}},
		{"an update over a deletion", "Illegal", []*Operation{at(31, 32, update(a, "x", 3))}},
		{"two deletions of one version", "Illegal", []*Operation{at(21, 31, remove(a, "x", 2))}},
		{"a deletion that conflicts", "Ok", []*Operation{at(51, 52, with(remove(a, "x", 0), func(op *Operation) { op.IfMatch, op.Outcome, op.Current = 1, outcomeConflict, 3 }))}},
		{"a deletion that conflicts with a deletion", "Illegal", []*Operation{at(31, 32, with(remove(a, "x", 0), func(op *Operation) { op.IfMatch, op.Outcome, op.Current = 1, outcomeConflict, 2 }))}},
		{"a deletion of a version that is not current", "Illegal", []*Operation{at(60, 61, with(remove(a, "x", 4), matching(1)))}},
		{"the old version by its number", "Ok", []*Operation{at(31, 32, numbered(1, outcomeDone, shown(a, 1, "a1"))), at(33, 34, numbered(2, outcomeMissing))}},
		{"a value of the deletion", "Illegal", []*Operation{at(33, 34, numbered(2, outcomeDone, shown(a, 2, "gone")))}},
		{"the deletion among the versions", "Ok", []*Operation{at(31, 32, versions(gone, shown(a, 1, "a1")))}},
		{"the deletion of another", "Illegal", []*Operation{at(31, 32, versions(Seen{a, 2, "other", stateDeleted, ""}, shown(a, 1, "a1")))}},
		{"the deletion left out", "Illegal", []*Operation{at(31, 32, versions(shown(a, 1, "a1")))}},
		{"no versions of a deleted secret", "Illegal", []*Operation{at(31, 32, missing(versions()))}},
		{"a deleted secret among the deleted", "Ok", []*Operation{at(31, 32, list(stateDeleted, gone)), at(33, 34, list(stateDeleted)), at(35, 36, list("stored"))}},
		{"a deleted secret among the stored", "Illegal", []*Operation{at(31, 32, list("stored", shown(a, 1, "")))}},
		{"a stored secret among the deleted", "Illegal", []*Operation{at(51, 52, list(stateDeleted, gone))}},
		{"a list of an old version", "Illegal", []*Operation{at(51, 52, list("stored", shown(a, 1, "")))}},
		{"a secret that is not", "Illegal", []*Operation{at(51, 52, list("stored", shown("B", 1, "")))}},
	}
	for _, one := range cases {
		t.Run(one.what, func(t *testing.T) {
			expect(t, one.verdict, append([]*Operation{made, removed, again, end, final("B")}, one.between...)...)
		})
	}
	reused := with(*again, func(op *Operation) { op.Version = 2 })
	expect(t, "Illegal", made, removed, &reused, end)
	fromOne := with(*again, func(op *Operation) { op.Version = 1 })
	expect(t, "Illegal", made, removed, &fromOne, end)
	inFile := func(version int) *Operation {
		return at(40, 50, with(file([]Written{{a, "a3"}}), func(op *Operation) { op.Versions[0] = version }))
	}
	expect(t, "Ok", made, removed, inFile(3), end)
	expect(t, "Illegal", made, removed, inFile(1), end)
	unclear := at(20, 30, with(remove(a, "gone", 2), outcome(outcomeUnknown)))
	expect(t, "Ok", made, unclear, at(31, 32, get(a, "a1", 1)), at(33, 34, missing(get(a, "", 0))), again, end)
	expect(t, "Illegal", made, unclear, at(31, 32, missing(get(a, "", 0))), at(33, 34, get(a, "a1", 1)), again, end)
	// If a deletion took effect, no repetition may be refused.
	refused := at(60, 61, missing(remove(a, "gone", 0)))
	expect(t, "Illegal", made, unclear, refused, again, end)
}

func TestDestroyedVersionsStayDestroyed(t *testing.T) {
	const a = "A"
	made, changed := at(0, 10, create(a, "a1")), at(20, 30, update(a, "a2", 2))
	ruin := Seen{a, 1, "noon", stateDestroyed, ""}
	destroy := func(wanted int, word string, seen ...Seen) Operation {
		return Operation{Kind: kindDestroy, Name: a, Wanted: wanted, Outcome: word, Seen: seen}
	}
	destroyed := at(40, 50, destroy(1, outcomeDone, ruin))
	end := at(1_000_000, 1_000_001, Operation{Kind: kindFinal, Name: a, Outcome: outcomeDone, Seen: []Seen{ruin, shown(a, 2, "a2")}})
	numbered := func(word string, seen ...Seen) Operation {
		return Operation{Kind: kindVersion, Name: a, Wanted: 1, Outcome: word, Seen: seen}
	}
	versions := func(seen ...Seen) Operation {
		return Operation{Kind: kindVersions, Name: a, Outcome: outcomeDone, Seen: seen}
	}
	cases := []struct {
		what    string
		verdict string
		between []*Operation
	}{
		{"its value before, and none afterwards", "Ok", []*Operation{at(31, 32, numbered(outcomeDone, shown(a, 1, "a1"))), at(51, 52, numbered(outcomeDestroyed))}},
		{"its value afterwards", "Illegal", []*Operation{at(51, 52, numbered(outcomeDone, shown(a, 1, "a1")))}},
		{"none before", "Illegal", []*Operation{at(31, 32, numbered(outcomeDestroyed))}},
		{"destroyed twice, with the first instant", "Ok", []*Operation{at(51, 52, destroy(1, outcomeDone, ruin))}},
		{"destroyed twice, with two instants", "Illegal", []*Operation{at(51, 52, destroy(1, outcomeDone, Seen{a, 1, "later", stateDestroyed, ""}))}},
		{"the current version", "Ok", []*Operation{at(31, 32, destroy(2, outcomeCurrent))}},
		{"the current version, destroyed", "Illegal", []*Operation{at(31, 32, destroy(2, outcomeDone, Seen{a, 2, "noon", stateDestroyed, ""}))}},
		{"an old version that is called current", "Illegal", []*Operation{at(31, 32, destroy(1, outcomeCurrent))}},
		{"a version that does not exist yet", "Ok", []*Operation{at(11, 12, destroy(2, outcomeMissing))}},
		{"a version of a value that is called a deletion", "Illegal", []*Operation{at(31, 32, destroy(1, outcomeEmpty))}},
		{"a list with it", "Ok", []*Operation{at(51, 52, versions(shown(a, 2, "a2"), ruin))}},
		{"a list with its value", "Illegal", []*Operation{at(51, 52, versions(shown(a, 2, "a2"), shown(a, 1, "a1")))}},
		{"a list with it too early", "Illegal", []*Operation{at(31, 32, versions(shown(a, 2, "a2"), ruin))}},
	}
	for _, one := range cases {
		t.Run(one.what, func(t *testing.T) {
			expect(t, one.verdict, append([]*Operation{made, changed, destroyed, end}, one.between...)...)
		})
	}
	// A list reads the current version first. Before it reads the others, an update and a destruction
	// may take effect.
	late := at(31, 60, versions(shown(a, 2, "a2"), ruin))
	next := at(32, 39, update(a, "a3", 3))
	expect(t, "Ok", made, changed, late, next, destroyed, at(1_000_000, 1_000_001, Operation{Kind: kindFinal, Name: a,
		Outcome: outcomeDone, Seen: []Seen{ruin, shown(a, 2, "a2"), shown(a, 3, "a3")}}))
	// The outcome of a destruction is unclear: it took effect, or another one did, or none. Last, the
	// write of the destroyed version is unclear too, but a reply has shown its value.
	lost := at(33, 34, destroy(1, outcomeUnknown))
	expect(t, "Ok", made, changed, lost, end)
	expect(t, "Ok", made, changed, lost, destroyed, end)
	expect(t, "Ok", made, changed, lost, final(a, "a1", "a2"))
	unclear := at(0, 10, with(create(a, "a1"), outcome(outcomeUnknown)))
	expect(t, "Ok", unclear, at(11, 12, get(a, "a1", 1)), changed, destroyed, end)
	// A deletion has no value to destroy.
	removed := at(60, 70, remove(a, "gone", 3))
	over := at(1_000_000, 1_000_001, Operation{Kind: kindFinal, Name: a, Outcome: outcomeDone,
		Seen: []Seen{ruin, shown(a, 2, "a2"), {a, 3, "gone", stateDeleted, ""}}})
	expect(t, "Ok", made, changed, destroyed, removed, at(71, 72, destroy(3, outcomeEmpty)), over)
	expect(t, "Illegal", made, changed, destroyed, removed, at(71, 72, destroy(3, outcomeCurrent)), over)
}

func TestCopiesStoreWhatTheirSourceHolds(t *testing.T) {
	ruin := Seen{Name: "A", Version: 1, Value: "noon", State: stateDestroyed}
	ends := func(values ...string) *Operation {
		end := final("B", values...)
		end.Seen[len(values)-1].Copy = "c"
		return end
	}
	copied := Operation{Kind: kindCopy, Call: 31, Return: 38, Name: "B", Value: "c", Reads: []string{"A"}, Wanted: 1, Next: true,
		Outcome: outcomeDone, Version: 2, Seen: []Seen{shown("A", 1, "")}}
	late := func(op *Operation) { op.Call, op.Return = 51, 60 }
	current := func(op *Operation) { op.Wanted, op.Seen = 0, []Seen{shown("A", 2, "")} }
	unknown := with(copied, outcome(outcomeUnknown))
	refused := func(word string, change func(*Operation)) Operation {
		return with(with(copied, outcome(word)), change)
	}
	creates := func(op *Operation) { op.Next = false }
	matching := func(ifMatch int) func(*Operation) { return func(op *Operation) { op.IfMatch, op.Current = ifMatch, 1 } }
	before, after := final("B", "b1"), ends("b1", "a1")
	cases := []struct {
		what    string
		verdict string
		op      Operation
		end     *Operation
	}{
		{"an old version", "Ok", copied, after},
		{"the current version", "Ok", with(copied, current), ends("b1", "a2")},
		{"another value", "Illegal", copied, ends("b1", "a2")},
		{"another version than was told", "Illegal", with(copied, func(op *Operation) { op.Seen = []Seen{shown("A", 2, "")} }), after},
		{"a destroyed value", "Illegal", with(copied, late), after},
		{"a destroyed value, unclear", "Illegal", with(unknown, late), after},
		{"an unclear copy", "Ok", unknown, after},
		{"an unclear copy that was not made", "Ok", unknown, before},
		{"a number twice", "Illegal", with(copied, func(op *Operation) { op.Version = 1 }), after},
		{"one copy made twice", "Illegal", copied, ends("b1", "a1", "a1")},
		{"a create of what exists", "Illegal", with(copied, creates), after},
		{"a condition that did not hold", "Illegal", with(copied, matching(3)), after},
		{"refused, though made", "Illegal", refused(outcomeConflict, matching(3)), after},
		{"a conflict", "Ok", refused(outcomeConflict, matching(3)), before},
		{"a conflict with what was asked for", "Illegal", refused(outcomeConflict, matching(1)), before},
		{"a create that lost", "Ok", refused(outcomeExists, creates), before},
		{"an update that found a secret", "Illegal", refused(outcomeExists, current), before},
		{"a destroyed version", "Ok", refused(outcomeDestroyed, late), before},
		{"the current version that is called destroyed", "Illegal", refused(outcomeDestroyed, current), before},
		{"a missing version", "Ok", refused(outcomeMissing, func(op *Operation) { op.Wanted = 3 }), before},
		{"a version that is called missing", "Illegal", refused(outcomeMissing, late), before},
	}
	for _, one := range cases {
		t.Run(one.what, func(t *testing.T) {
			destroyed := Operation{Kind: kindDestroy, Name: "A", Wanted: 1, Outcome: outcomeDone, Seen: []Seen{ruin}}
			end := final("A", "", "a2")
			end.Seen[0] = ruin
			expect(t, one.verdict, at(0, 10, create("A", "a1")), at(0, 10, create("B", "b1")), at(20, 30, update("A", "a2", 2)),
				&one.op, at(40, 50, destroyed), end, one.end)
		})
	}
	// If a copy took effect, no repetition may be refused.
	made := []*Operation{at(0, 10, create("A", "a1")), at(0, 10, create("B", "b1")), &unknown, final("A", "a1"), after}
	conflict := at(61, 62, refused(outcomeConflict, func(op *Operation) { op.IfMatch, op.Current = 1, 2 }))
	expect(t, "Ok", made...)
	expect(t, "Illegal", append(made, conflict)...)
	// A reply shows the value of a copy that is destroyed later. It is not mistaken for the version of
	// the source, which has the same value.
	again := with(copied, func(op *Operation) { op.Name, op.Version = "A", 3 })
	shows := Operation{Kind: kindVersion, Name: "A", Wanted: 3, Outcome: outcomeDone, Seen: []Seen{shown("A", 3, "a1")}}
	ruined := Seen{"A", 3, "noon", stateDestroyed, "c"}
	destroyed := Operation{Kind: kindDestroy, Name: "A", Wanted: 3, Outcome: outcomeDone, Seen: []Seen{ruined}}
	end := final("A", "a1", "a2", "", "a4")
	end.Seen[2] = ruined
	expect(t, "Ok", at(0, 10, with(create("A", "a1"), outcome(outcomeUnknown))), at(20, 30, update("A", "a2", 2)), &again,
		at(40, 50, update("A", "a4", 4)), at(60, 61, shows), at(70, 80, destroyed), end)
}

func TestFilesStoreNextVersionsOfWhatExists(t *testing.T) {
	stored := at(0, 10, file([]Written{{"A", "a1"}, {"B", "b1"}}))
	next := func(word string, versions []int, names ...string) Operation {
		creates := []Written{{"A", "a2"}, {"B", "b2"}}
		return Operation{Kind: kindEnv, Next: true, Creates: creates, Outcome: word, Versions: versions, Names: names}
	}
	done := at(20, 30, next(outcomeDone, []int{2, 2}))
	old := []*Operation{stored, final("A", "a1"), final("B", "b1")}
	changed := []*Operation{stored, done, final("A", "a1", "a2"), final("B", "b1", "b2")}
	expect(t, "Ok", changed...)
	expect(t, "Illegal", append(changed, at(31, 40, file(nil, shown("A", 2, "a2"), shown("B", 1, "b1"))))...)
	expect(t, "Illegal", stored, at(20, 30, next(outcomeDone, []int{2, 3})), final("A", "a1", "a2"), final("B", "b1", "b2"))
	expect(t, "Illegal", done, final("A", "a2"), final("B", "b2"))
	expect(t, "Ok", append(old, at(1, 9, next(outcomeMissing, nil, "A", "B")))...)
	expect(t, "Illegal", append(old, at(11, 19, next(outcomeMissing, nil, "A")))...)
	expect(t, "Illegal", append(old, at(11, 19, next(outcomeExists, nil, "A", "B")))...)
}

func TestFilesAreWholeAndOfOneInstant(t *testing.T) {
	ab := []Written{{"A", "a1"}, {"B", "b1"}}
	stored := at(0, 10, file(ab))
	ends := []*Operation{final("A", "a1"), final("B", "b1", "b2")}
	changed := at(20, 30, update("B", "b2", 2))
	report := func(word string, names ...string) Operation {
		return Operation{Kind: kindEnv, Creates: []Written{{"A", "x"}, {"B", "y"}}, Outcome: word, Names: names}
	}
	lookedUp := func(word string, names ...string) Operation {
		return Operation{Kind: kindEnv, Reads: []string{"A", "B"}, Outcome: word, Names: names}
	}
	missing := func(name string) Operation { return with(get(name, "", 0), outcome(outcomeMissing)) }
	cases := []struct {
		what    string
		verdict string
		between []*Operation
	}{
		{"a file read back", "Ok", []*Operation{at(11, 12, file(nil, shown("A", 1, "a1"), shown("B", 1, "b1")))}},
		{"none and then all", "Ok", []*Operation{at(1, 2, missing("B")), at(3, 4, get("A", "a1", 1))}},
		{"half of a file, in two reads", "Illegal", []*Operation{at(1, 2, get("A", "a1", 1)), at(3, 4, missing("B"))}},
		{"half of a file, in one reply", "Illegal", []*Operation{at(1, 9, lookedUp(outcomeMissing, "B"))}},
		{"a file looked up too early", "Ok", []*Operation{at(1, 9, lookedUp(outcomeMissing, "A", "B"))}},
		{"two files with one name", "Illegal", []*Operation{at(0, 10, file([]Written{{"A", "x"}, {"C", "c1"}})), final("C", "c1")}},
		{"a file that lost", "Ok", []*Operation{at(5, 12, report(outcomeExists, "A", "B"))}},
		{"a file that lost by half", "Illegal", []*Operation{at(5, 12, report(outcomeExists, "A"))}},
		{"a pair half changed", "Illegal", []*Operation{at(31, 40, file(nil, shown("A", 1, "a1"), shown("B", 1, "b1")))}},
	}
	for _, one := range cases {
		t.Run(one.what, func(t *testing.T) {
			history := append([]*Operation{stored, changed}, one.between...)
			expect(t, one.verdict, append(history, ends...)...)
		})
	}
}

func TestUnknownOutcomes(t *testing.T) {
	made := at(0, 10, create("A", "a1"))
	unclear := at(20, 30, with(update("A", "a2", 0), outcome(outcomeUnknown)))
	late := at(500, 510, get("A", "a2", 2))
	early := at(400, 410, get("A", "a1", 1))
	expect(t, "Ok", made, unclear, early, late, final("A", "a1", "a2"))
	expect(t, "Ok", made, unclear, early, final("A", "a1"))
	expect(t, "Illegal", made, unclear, late, at(520, 530, get("A", "a1", 1)), final("A", "a1", "a2"))
	expect(t, "Illegal", made, unclear, late, final("A", "a1"))

	nothing := at(20, 30, with(update("A", "a2", 0), outcome(outcomeNothing)))
	expect(t, "Ok", made, nothing, final("A", "a1"))
	expect(t, "Illegal", made, nothing, final("A", "a1", "a2"))

	// The repetition under its key was refused while the first attempt was still in progress.
	refused := at(31, 40, Operation{Kind: kindUpdate, Name: "A", Value: "a2", IfMatch: 7, Outcome: outcomeConflict, Current: 1})
	expect(t, "Ok", made, unclear, refused, late, final("A", "a1", "a2"))
	after := at(600, 610, Operation{Kind: kindUpdate, Name: "A", Value: "a2", IfMatch: 1, Outcome: outcomeConflict, Current: 2})
	expect(t, "Illegal", made, unclear, late, after, final("A", "a1", "a2"))

	half := at(0, 10, with(file([]Written{{"A", "a1"}, {"B", "b1"}}), outcome(outcomeUnknown)))
	expect(t, "Ok", half, final("A", "a1"), final("B", "b1"))
	expect(t, "Illegal", half, final("A", "a1"), final("B"))
}

func TestWhatIsNotReadAtTheEndIsUnknown(t *testing.T) {
	expect(t, "Unknown", at(0, 10, create("A", "a1")))
}

func TestFigures(t *testing.T) {
	lost := with(create("A", "b1"), outcome(outcomeExists))
	report := judge(at(0, 10, create("A", "a1")), at(10, 20, lost), at(21, 22, get("A", "a1", 1)),
		at(21, 22, create("B", "x")), final("A", "a1"), final("B", "x"))
	if report.Operations != 4 || report.Overlapping != 0.5 || report.Refused != 0.25 || report.Groups != 2 {
		t.Errorf("%+v", report)
	}
}

// generated returns the history of a correct vault. Every operation takes effect at an instant of
// its own, some time after its call and before its return.
func generated(random *rand.Rand, operations int) []*Operation {
	names := []string{"A", "B", "C", "D"}
	g := &group{number: map[string]int{"A": 0, "B": 1, "C": 2, "D": 3}}
	state := make(vault, len(names))
	var history, unclear []*Operation
	for instant := range operations {
		name := names[random.Intn(len(names))]
		last := state[g.number[name]]
		value := fmt.Sprint("value ", instant)
		next := last.count() + 1
		var op Operation
		switch kind := random.Intn(14); {
		case kind < 2 && !last.isStored():
			op = with(create(name, value), func(op *Operation) { op.Version = next })
		case kind < 2:
			op = with(create(name, value), outcome(outcomeExists))
		case kind < 4 && !last.isStored():
			other := names[(g.number[name]+1)%len(names)]
			op = file([]Written{{name, value}})
			if there := state[g.number[other]]; there.isStored() {
				op = file(op.Creates, shown(other, there.number, there.value))
			}
			op.Versions[0] = next
		case kind == 4 && last.count() > 1 && !last.before.isDeleted:
			seen := Seen{name, last.number - 1, fmt.Sprint("destroyed ", instant), stateDestroyed, ""}
			if last.before.destroyed != "" {
				seen.Value = last.before.destroyed
			}
			op = Operation{Kind: kindDestroy, Name: name, Wanted: last.number - 1, Outcome: outcomeDone, Seen: []Seen{seen}}
		case !last.isStored():
			op = with(get(name, "", 0), outcome(outcomeMissing))
		case kind == 5:
			op = remove(name, value, next)
		case kind < 10:
			op = update(name, value, next)
		default:
			op = get(name, last.value, last.number)
		}
		ok, after := g.step(state, &op)
		if !ok {
			panic(describe(&op))
		}
		state = after
		middle := int64(instant * 100)
		recorded := at(middle-random.Int63n(500), middle+random.Int63n(500), op)
		if random.Intn(50) == 0 {
			unclear = append(unclear, recorded)
		}
		history = append(history, recorded)
	}
	for _, op := range unclear {
		// Once the version is destroyed, only a reply can show what an unclear write stored, and here
		// there may be none. So such a write stays known.
		name, written := op.Name, op.Version
		if op.Kind == kindEnv {
			name, written = op.Creates[0].Name, op.Versions[0]
		}
		if at := state[g.number[name]].at(written); at == nil || at.destroyed == "" {
			*op = with(*op, outcome(outcomeUnknown))
		}
	}
	for index, name := range names {
		end := final(name)
		for at := state[index]; at != nil; at = at.before {
			seen := shown(name, at.number, at.value)
			if at.isDeleted {
				seen.State = stateDeleted
			} else if at.destroyed != "" {
				seen.State, seen.Value = stateDestroyed, at.destroyed
			}
			end.Seen = append(end.Seen, seen)
		}
		slices.Reverse(end.Seen)
		end.Call, end.Return = int64(operations*100+1_000), int64(operations*100+1_001)
		history = append(history, end)
	}
	return history
}

func TestGeneratedHistories(t *testing.T) {
	found := 0
	for seed := range int64(40) {
		random := rand.New(rand.NewSource(seed))
		history := generated(random, 400)
		if report := judge(history...); report.Verdict != "Ok" {
			t.Fatalf("seed %d: %v", seed, report.Problems)
		}
		// Let one read show an older version, long after it was superseded.
		for _, op := range history[100:] {
			if op.Kind == kindGet && op.Outcome == outcomeDone && op.Seen[0].Version > 20 {
				for _, older := range history {
					if older.Kind == kindFinal && older.Name == op.Name {
						op.Seen = older.Seen[op.Seen[0].Version-15:][:1]
					}
				}
				if report := judge(history...); report.Verdict != "Illegal" {
					t.Fatalf("seed %d: a stale read is found %s", seed, report.Verdict)
				}
				found++
				break
			}
		}
	}
	if found < 30 {
		t.Errorf("only %d histories had a read to make stale", found)
	}
}

func TestDamagedLinesAreRefused(t *testing.T) {
	for _, line := range []string{`{"kind":"get","call":5,"return":4}`, `{"kind":"get","calls":5}`, `{`} {
		if _, err := readHistory(strings.NewReader(line)); err == nil {
			t.Errorf("read %s", line)
		}
	}
}
