package main

// version is a version of a secret, linked to the one before it. It is never modified.
type version struct {
	// For a deletion, its note.
	value     string
	isDeleted bool
	// The value of the copy that wrote the version; empty if another operation wrote it.
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

// isStored returns whether a secret has a current value if this is its last version.
func (v *version) isStored() bool {
	return v != nil && !v.isDeleted
}

// at returns the version with this number, or nil if it does not exist yet.
func (v *version) at(number int) *version {
	for v != nil && v.number > number {
		v = v.before
	}
	if v == nil || v.number != number {
		return nil
	}
	return v
}

// link returns `next` as the version after `before`. Numbers are never reused.
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

// destroy returns the same history with the version of this number destroyed at this instant.
func (v *version) destroy(number int, instant string) *version {
	next := *v
	if v.number == number {
		next.destroyed = instant
		return link(v.before, next)
	}
	return link(v.before.destroy(number, instant), next)
}

// isShownAs returns whether a reply may show this version like that.
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

// vault is the state of a group: the last version of each of its secrets, by number. It is never
// modified.
type vault []*version

func (state vault) with(secret int, last *version) vault {
	next := append(vault(nil), state...)
	next[secret] = last
	return next
}

// shows returns whether the secret's last versions are those that were seen, newest first.
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

// holds returns whether a write to a secret has taken effect.
func (state vault) holds(written Written, secret int) bool {
	for at := state[secret]; at != nil; at = at.before {
		if at.value == written.Value || at.copy == written.Value {
			return true
		}
	}
	return false
}
