//go:build !race

package l7test

const racing = false
