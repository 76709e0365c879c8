//go:build !race

package inflate

const racing = false
