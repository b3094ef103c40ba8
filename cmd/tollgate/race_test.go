//go:build race

package main_test

// raced says that the tests, and so the binary that they start, run under the race detector.
const raced = true
