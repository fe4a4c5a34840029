// Package tree is a persistent (immutable) ordered map: each write returns a new map
// that shares all but one path with the old one. Taking a snapshot is copying a
// pointer, and discarding an overlay is dropping one.
//
// It is a treap whose priorities are hashes of the keys, so its shape depends only on
// its content.
package tree

import (
	"hash/maphash"
	"iter"
)

var seed = maphash.MakeSeed()

// Map is an immutable ordered map with string keys. The zero value is empty. It is safe
// for concurrent use.
type Map[V any] struct{ root *node[V] }

type node[V any] struct {
	key         string
	value       V
	priority    uint64
	size        int
	left, right *node[V]
}

func (n *node[V]) len() int {
	if n == nil {
		return 0
	}
	return n.size
}

func with[V any](n *node[V], left, right *node[V]) *node[V] {
	return &node[V]{n.key, n.value, n.priority, left.len() + right.len() + 1, left, right}
}

// Len is the number of keys.
func (m Map[V]) Len() int { return m.root.len() }

// Get returns the value under a key and whether there is one.
func (m Map[V]) Get(key string) (v V, ok bool) {
	n := m.root
	for n != nil {
		switch {
		case key < n.key:
			n = n.left
		case key > n.key:
			n = n.right
		default:
			return n.value, true
		}
	}
	return v, false
}

// Put returns the map with the value under the key.
func (m Map[V]) Put(key string, v V) Map[V] {
	return Map[V]{put(m.root, &node[V]{key: key, value: v, priority: maphash.String(seed, key), size: 1})}
}

func put[V any](n, add *node[V]) *node[V] {
	switch {
	case n == nil:
		return add
	case add.key == n.key:
		return with(add, n.left, n.right)
	case add.priority > n.priority:
		// The key is not below n: it would have n's place or a place above it.
		left, right := split(n, add.key)
		return with(add, left, right)
	case add.key < n.key:
		return with(n, put(n.left, add), n.right)
	default:
		return with(n, n.left, put(n.right, add))
	}
}

// split divides a tree into the keys below and the keys above one.
func split[V any](n *node[V], key string) (left, right *node[V]) {
	if n == nil {
		return nil, nil
	}
	if n.key < key {
		l, r := split(n.right, key)
		return with(n, n.left, l), r
	}
	l, r := split(n.left, key)
	return l, with(n, r, n.right)
}

// Delete returns the map without the key.
func (m Map[V]) Delete(key string) Map[V] {
	if _, ok := m.Get(key); !ok {
		return m
	}
	return Map[V]{remove(m.root, key)}
}

func remove[V any](n *node[V], key string) *node[V] {
	switch {
	case key < n.key:
		return with(n, remove(n.left, key), n.right)
	case key > n.key:
		return with(n, n.left, remove(n.right, key))
	default:
		return join(n.left, n.right)
	}
}

func join[V any](left, right *node[V]) *node[V] {
	switch {
	case left == nil:
		return right
	case right == nil:
		return left
	case left.priority > right.priority:
		return with(left, left.left, join(left.right, right))
	default:
		return with(right, join(left, right.left), right.right)
	}
}

// Ascend visits keys from from, inclusive, to to, exclusive, upwards. An empty
// to means the end.
func (m Map[V]) Ascend(from, to string) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) { ascend(m.root, from, to, yield) }
}

func ascend[V any](n *node[V], from, to string, yield func(string, V) bool) bool {
	if n == nil {
		return true
	}
	above, below := n.key >= from, to == "" || n.key < to
	return (!above || ascend(n.left, from, to, yield)) &&
		(!above || !below || yield(n.key, n.value)) &&
		(!below || ascend(n.right, from, to, yield))
}

// Descend visits the same keys as Ascend, downwards.
func (m Map[V]) Descend(from, to string) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) { descend(m.root, from, to, yield) }
}

func descend[V any](n *node[V], from, to string, yield func(string, V) bool) bool {
	if n == nil {
		return true
	}
	above, below := n.key >= from, to == "" || n.key < to
	return (!below || descend(n.right, from, to, yield)) &&
		(!above || !below || yield(n.key, n.value)) &&
		(!above || descend(n.left, from, to, yield))
}
