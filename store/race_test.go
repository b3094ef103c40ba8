//go:build race

package store_test

// raced says that the tests run under the race detector.
const raced = true
