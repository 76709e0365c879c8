//go:build race

package l7test

// racing: under the race detector pools forget what they are given, at random, so that allocations cannot be counted.
const racing = true
