package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Written is a value that an operation stores as a version of a secret. For a deletion, it is the
// note.
type Written struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Seen is one version of a secret as a reply showed it. Value is the note of a deletion, or the
// instant of a destruction. It is empty for a stored version in a list of names, which shows no
// values.
type Seen struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Value   string `json:"value"`
	// Empty for a stored version.
	State string `json:"state,omitempty"`
	// final: the Value of the copy that wrote the version.
	Copy string `json:"copy,omitempty"`
}

const (
	stateDeleted   = "deleted"
	stateDestroyed = "destroyed"
)

// Operation is one line of a history: what a client asked, when, and how it was answered. All times
// come from one clock, in microseconds. No two writes in a history have the same value, with one
// exception: if a write was first unclear, and then refused when it was repeated under its key, the
// history has two operations with its value. The first may take effect even after the second.
type Operation struct {
	Client int    `json:"client"`
	Kind   string `json:"kind"`
	Call   int64  `json:"call"`
	// When the reply came, or when the client stopped waiting for it.
	Return int64 `json:"return"`

	// All kinds except env and list: the secret.
	Name string `json:"name,omitempty"`
	// create, update, delete: what is written. copy: a text that no other operation has.
	Value string `json:"value,omitempty"`
	// update, delete, copy: the version that must be current; 0 for any.
	IfMatch int `json:"ifMatch,omitempty"`
	// version, destroy: the requested number. copy: the version of its source; 0 for the current one.
	Wanted int `json:"wanted,omitempty"`
	// env: the secrets to store and those to read, all at one instant. list: the secrets that may be
	// listed. copy: its source.
	Creates []Written `json:"creates,omitempty"`
	Reads   []string  `json:"reads,omitempty"`
	// env, copy: the secrets to store must exist and get new versions. Otherwise none of them may
	// exist.
	Next bool `json:"next,omitempty"`
	// list: the requested state, `stored` or `deleted`.
	State string `json:"state,omitempty"`

	Outcome string `json:"outcome"`
	// create, update, delete, copy: the version that was written.
	Version int `json:"version,omitempty"`
	// env: the versions that were written, in the order of Creates.
	Versions []int `json:"versions,omitempty"`
	// conflict: the version that was current instead.
	Current int `json:"current,omitempty"`
	// exists, missing: for env, all secrets that exist, or all that are missing.
	Names []string `json:"names,omitempty"`
	// get, version: the version. versions: the latest ones, newest first. env: those that were read.
	// final: all, oldest first. list: those of Reads that are listed. destroy: the destroyed version.
	// copy: the version of its source, without a value.
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
	// Lists the secrets in one state, with the numbers of their current versions. Some may be missing.
	kindList = "list"
	// Not in a history file: the destroyed versions that a list of versions showed.
	kindDestroyed = "destroyed"
	// Reads all versions of a secret after everything else is over.
	kindFinal = "final"

	outcomeDone     = "done"
	outcomeExists   = "exists"
	outcomeMissing  = "missing"
	outcomeConflict = "conflict"
	// version, copy: the value was destroyed.
	outcomeDestroyed = "destroyed"
	// destroy: the version is the current one.
	outcomeCurrent = "current"
	// destroy: the version is a deletion, which has no value to destroy.
	outcomeEmpty = "empty"
	// There was no reply, or it leaves open whether the write took effect.
	outcomeUnknown = "unknown"
	// The reply says that nothing was written, or there was no connection.
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

// written returns what the operation stores if it takes effect.
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
