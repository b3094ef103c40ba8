package dialect

import "strings"

// unlisted is the id under which a visitor sees a member that a closed node doesn't list.
const unlisted = -1

var unlistedNode = &node{id: unlisted}

// node is a place in a JSON value, and what is wanted there. A tree of nodes is built once and shared.
type node struct {
	key string // its member name; "" for the elements of an array
	// id is what the visitor knows the place by; 0: it isn't told of it.
	id int
	// counted: only the length of the value is wanted, not its text.
	counted bool
	// followed: the value's text is handed over in pieces.
	followed bool
	// exact: members that have an id are doubted when they come twice or in another letter case.
	exact bool
	// closed: members that are not listed are visited too, as unlisted, in arrays of arrays as well.
	closed bool
	// only are the strings that the value may be, where something else is to be told from them.
	only []string

	kids []*node
	// names are how the kids may be spelled: side by side, since each key of a message is compared with them.
	names []name
	elem  *node
}

// inner says whether the members or elements of a value have to be looked at.
func (n *node) inner() bool {
	return n != nil && (len(n.kids) > 0 || n.elem != nil || n.closed)
}

func (n *node) element() *node {
	if n.elem == nil && n.closed {
		return n
	}
	return n.elem
}

// at finds the node at a path like choices.*.index ("" is n itself) and makes what is missing on the way.
func (n *node) at(path string) *node {
	if path == "" {
		return n
	}
	name, rest, _ := strings.Cut(path, ".")
	if name == "*" {
		if n.elem == nil {
			n.elem = &node{}
		}
		return n.elem.at(rest)
	}
	for _, kid := range n.kids {
		if kid.key == name {
			return kid.at(rest)
		}
	}
	return n.add(&node{key: name}).at(rest)
}

// name is a spelling of the kid that stands at at.
type name struct {
	key string
	at  int
}

func (n *node) add(kid *node) *node {
	n.names = append(n.names, name{kid.key, len(n.kids)})
	n.kids = append(n.kids, kid)
	return kid
}

// kid is what is wanted of the member called name; nil: nothing.
func (n *node) kid(name []byte) *node {
	for _, kid := range n.kids {
		if kid.key == string(name) {
			return kid
		}
	}
	return nil
}

// read wants the value at path, or its end where its members are wanted too.
func (n *node) read(id int, path string) *node {
	n.at(path).id = id
	return n
}

// count wants the lengths of the values at the paths.
func (n *node) count(id int, paths ...string) *node {
	for _, path := range paths {
		place := n.at(path)
		place.id, place.counted = id, true
	}
	return n
}

// follow wants the text of the value at path in pieces.
func (n *node) follow(id int, path string) *node {
	place := n.at(path)
	place.id, place.followed = id, true
	return n
}

// close lists the members besides those that are read, and wants to be told of all others.
func (n *node) close(path string, names ...string) *node {
	place := n.at(path)
	place.closed = true
	for _, name := range names {
		place.at(name)
	}
	return n
}

// allow says which strings the value at path may be.
func (n *node) allow(id int, path string, values ...string) *node {
	place := n.at(path)
	place.id, place.only = id, values
	return n
}

// snake lets all members that are named in camel case stand in snake case, too, as protobuf's JSON has them.
func (n *node) snake() *node {
	for at, kid := range n.kids {
		var alias []byte
		for _, c := range []byte(kid.key) {
			if 'A' <= c && c <= 'Z' {
				alias = append(alias, '_', c-'A'+'a')
			} else {
				alias = append(alias, c)
			}
		}
		if string(alias) != kid.key {
			n.names = append(n.names, name{string(alias), at})
		}
		kid.snake()
	}
	if n.elem != nil {
		n.elem.snake()
	}
	return n
}

// once marks the object at path as exact.
func (n *node) once(path string) *node {
	n.at(path).exact = true
	return n
}

// rename is the same tree with another name for one of its members. More of them can be added to it alone.
func (n *node) rename(from, to string) *node {
	renamed := *n
	renamed.kids, renamed.names = nil, nil
	for _, kid := range n.kids {
		if kid.key == from {
			other := *kid
			other.key = to
			kid = &other
		}
		renamed.add(kid)
	}
	return &renamed
}
