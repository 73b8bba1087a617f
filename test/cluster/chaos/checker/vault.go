package main

// version is the last version of a secret, with those before it. It is never changed.
type version struct {
	// Of a deletion, its note.
	value     string
	isDeleted bool
	// The copy that wrote the version, empty if another operation did.
	copy string
	// When the value was destroyed; empty if it was not.
	destroyed string
	number    int
	before    *version
	hash      uint64
}

func (v *version) count() int {
	if v == nil {
		return 0
	}
	return v.number
}

// isStored tells whether a secret whose last version this is has a current value.
func (v *version) isStored() bool {
	return v != nil && !v.isDeleted
}

// at is the version of that number, nil if there is none yet.
func (v *version) at(number int) *version {
	for v != nil && v.number > number {
		v = v.before
	}
	if v == nil || v.number != number {
		return nil
	}
	return v
}

// link is `next` as the version after `before`. Numbers never return.
func link(before *version, next version) *version {
	hash := uint64(14695981039346656037)
	if before != nil {
		hash = before.hash
	}
	state := "stored"
	if next.isDeleted {
		state = stateDeleted
	}
	for _, text := range []string{state, next.value, next.copy, next.destroyed} {
		for index := 0; index < len(text); index++ {
			hash = (hash ^ uint64(text[index])) * 1099511628211
		}
		hash *= 31
	}
	next.number, next.before, next.hash = before.count()+1, before, hash
	return &next
}

// destroy is the same history, in which the version of that number was destroyed at an instant.
func (v *version) destroy(number int, instant string) *version {
	next := *v
	if v.number == number {
		next.destroyed = instant
		return link(v.before, next)
	}
	return link(v.before.destroy(number, instant), next)
}

// isShownAs tells whether a reply may show this version so.
func (v *version) isShownAs(seen Seen) bool {
	switch {
	case v == nil || v.number != seen.Version:
		return false
	case v.isDeleted:
		return seen.State == stateDeleted && seen.Value == v.value
	case v.destroyed != "":
		return seen.State == stateDestroyed && seen.Value == v.destroyed
	}
	return seen.State == "" && seen.Value == v.value
}

func sameVersions(a, b *version) bool {
	for a != b {
		if a == nil || b == nil || a.hash != b.hash || a.number != b.number || a.value != b.value ||
			a.isDeleted != b.isDeleted || a.copy != b.copy || a.destroyed != b.destroyed {
			return false
		}
		a, b = a.before, b.before
	}
	return true
}

// vault is the state of a group: for each of its secrets, by number, all versions. It is never changed.
type vault []*version

func (state vault) with(secret int, last *version) vault {
	next := append(vault(nil), state...)
	next[secret] = last
	return next
}

// shows tells whether what was seen, from version `seen[0].Version` down, is the end of the secret's history.
func (state vault) shows(secret int, seen []Seen) bool {
	at := state[secret]
	for _, one := range seen {
		if !at.isShownAs(one) {
			return false
		}
		at = at.before
	}
	return true
}

// holds tells whether a write to a secret has taken place.
func (state vault) holds(written Written, secret int) bool {
	for at := state[secret]; at != nil; at = at.before {
		if at.value == written.Value || at.copy == written.Value {
			return true
		}
	}
	return false
}
