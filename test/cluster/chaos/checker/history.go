package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Written is a value that an operation stores as a version of a secret. The value of a deletion is its note.
type Written struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Seen is one version of a secret as a reply showed it. Value is the note of a deletion and the instant of a destruction.
// It is empty for a stored version in a list of names.
type Seen struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Value   string `json:"value"`
	// Empty for a stored version.
	State string `json:"state,omitempty"`
	// final: the copy that wrote the version, by its Value.
	Copy string `json:"copy,omitempty"`
}

const (
	stateDeleted   = "deleted"
	stateDestroyed = "destroyed"
)

// Operation is one line of a history: what a client asked, when, and what it was told. Times are of one clock,
// in microseconds. No two writes of a history have the same value; a write that was repeated under its key, unclear at
// first and refused then, is two operations with one value: the first may take place even after the second.
type Operation struct {
	Client int    `json:"client"`
	Kind   string `json:"kind"`
	Call   int64  `json:"call"`
	// When the reply came, or when the client no longer waited for one.
	Return int64 `json:"return"`

	// All kinds but env and list: the secret.
	Name string `json:"name,omitempty"`
	// create, update, delete: what is written. copy: a text that no other operation has.
	Value string `json:"value,omitempty"`
	// update, delete, copy: the version that it is to follow; 0 for any.
	IfMatch int `json:"ifMatch,omitempty"`
	// version, destroy: the number that is asked for. copy: the version of its source; 0 for the current one.
	Wanted int `json:"wanted,omitempty"`
	// env: the secrets to be stored, and those to be read, both at one instant. list: those that may be listed.
	// copy: its source.
	Creates []Written `json:"creates,omitempty"`
	Reads   []string  `json:"reads,omitempty"`
	// env, copy: the secrets to be stored must exist, and get their next versions. Otherwise none may exist.
	Next bool `json:"next,omitempty"`
	// list: the state of the secrets that are asked for, `stored` or `deleted`.
	State string `json:"state,omitempty"`

	Outcome string `json:"outcome"`
	// create, update, delete, copy: the version that was written.
	Version int `json:"version,omitempty"`
	// env: the versions that were written, in the order of Creates.
	Versions []int `json:"versions,omitempty"`
	// conflict: the version that stood there instead.
	Current int `json:"current,omitempty"`
	// exists, missing: all secrets of an env operation of which this is so.
	Names []string `json:"names,omitempty"`
	// get, version: one; versions: the latest ones, from the latest down; env: those read; final: all, from the first;
	// list: those of Reads that are listed; destroy: the destroyed version; copy: the version of its source, without value.
	Seen []Seen `json:"seen,omitempty"`
}

const (
	kindCreate   = "create"
	kindUpdate   = "update"
	kindGet      = "get"
	kindVersions = "versions"
	kindVersion  = "version"
	kindEnv      = "env"
	kindDelete   = "delete"
	kindCopy     = "copy"
	kindDestroy  = "destroy"
	// The secrets of one state, with the numbers of their current versions. Some may be left out.
	kindList = "list"
	// Not in a history: the versions that a list of versions showed as destroyed.
	kindDestroyed = "destroyed"
	// All versions of a secret, read when all was over.
	kindFinal = "final"

	outcomeDone     = "done"
	outcomeExists   = "exists"
	outcomeMissing  = "missing"
	outcomeConflict = "conflict"
	// version, copy: the value was destroyed. destroy: the version is the current one; it is a deletion.
	outcomeDestroyed = "destroyed"
	outcomeCurrent   = "current"
	outcomeEmpty     = "empty"
	// No reply, or one that leaves open whether the write took place.
	outcomeUnknown = "unknown"
	// A reply that says that nothing was written.
	outcomeNothing = "nothing"
)

func (op *Operation) names() []string {
	names := append([]string(nil), op.Reads...)
	if op.Kind != kindEnv && op.Kind != kindList {
		return append(names, op.Name)
	}
	for _, written := range op.Creates {
		names = append(names, written.Name)
	}
	return names
}

// written tells what the operation stores if it takes place.
func (op *Operation) written() []Written {
	if op.Kind == kindEnv {
		return op.Creates
	}
	switch op.Kind {
	case kindCreate, kindUpdate, kindDelete, kindCopy:
		return []Written{{op.Name, op.Value}}
	}
	return nil
}

func readHistory(input io.Reader) ([]*Operation, error) {
	var history []*Operation
	lines := bufio.NewScanner(input)
	lines.Buffer(nil, 1<<26)
	for lines.Scan() {
		decoder := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		decoder.DisallowUnknownFields()
		op := new(Operation)
		if err := decoder.Decode(op); err != nil {
			return nil, fmt.Errorf("line %d: %w", len(history)+1, err)
		}
		if op.Return < op.Call {
			return nil, fmt.Errorf("line %d: returned before it was called", len(history)+1)
		}
		history = append(history, op)
	}
	return history, lines.Err()
}
