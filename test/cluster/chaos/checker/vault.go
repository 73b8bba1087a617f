package main

// version is the last version of a secret, with those before it. It is never changed.
type version struct {
	value  string
	number int
	before *version
	hash   uint64
}

func (v *version) count() int {
	if v == nil {
		return 0
	}
	return v.number
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

func (v *version) append(value string) *version {
	hash := uint64(14695981039346656037)
	if v != nil {
		hash = v.hash
	}
	for index := 0; index < len(value); index++ {
		hash = (hash ^ uint64(value[index])) * 1099511628211
	}
	return &version{value, v.count() + 1, v, hash * 31}
}

func sameVersions(a, b *version) bool {
	for a != b {
		if a == nil || b == nil || a.hash != b.hash || a.number != b.number || a.value != b.value {
			return false
		}
		a, b = a.before, b.before
	}
	return true
}

// vault is the state of a group: for each of its secrets, by number, all versions. It is never changed.
type vault []*version

func (state vault) with(secret int, value string) vault {
	next := append(vault(nil), state...)
	next[secret] = state[secret].append(value)
	return next
}

// shows tells whether what was seen, from version `seen[0].Version` down, is the end of the secret's history.
func (state vault) shows(secret int, seen []Seen) bool {
	at := state[secret]
	for _, one := range seen {
		if at == nil || at.number != one.Version || at.value != one.Value {
			return false
		}
		at = at.before
	}
	return true
}

// holds tells whether a value stands anywhere in a secret's history.
func (state vault) holds(written Written, secret int) bool {
	for at := state[secret]; at != nil; at = at.before {
		if at.value == written.Value {
			return true
		}
	}
	return false
}
