package mongodb

import (
	"encoding/binary"
	"math/big"
	"math/bits"
	"strconv"
)

// appendDecimal128 writes an IEEE 754-2008 decimal in its binary integer encoding as the BSON specification's
// conversion to text asks: digits with a point where the exponent is small, otherwise in scientific notation.
func appendDecimal128(dst, b []byte) []byte {
	if len(b) < 16 {
		return dst
	}
	lo, hi := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
	if hi>>63 != 0 && hi>>58&0x1F != 0x1F {
		dst = append(dst, '-')
	}
	var exp int
	switch {
	case hi>>58&0x1F == 0x1F:
		return append(dst, "NaN"...)
	case hi>>58&0x1F == 0x1E:
		return append(dst, "Infinity"...)
	case hi>>61&3 == 3: // the coefficient would need more than 34 digits: it counts as zero
		exp = int(hi>>47&0x3FFF) - 6176
		lo, hi = 0, 0
	default:
		exp = int(hi>>49&0x3FFF) - 6176
		hi &= 1<<49 - 1
	}
	var buf [48]byte
	digits := appendUint128(buf[:0], hi, lo)
	if len(digits) > 34 {
		digits = append(digits[:0], '0')
	}
	sci := exp + len(digits) - 1
	if exp > 0 || sci < -6 {
		dst = append(dst, digits[0])
		if len(digits) > 1 {
			dst = append(dst, '.')
			dst = append(dst, digits[1:]...)
		}
		dst = append(dst, 'E')
		if sci >= 0 {
			dst = append(dst, '+')
		}
		return strconv.AppendInt(dst, int64(sci), 10)
	}
	if exp == 0 {
		return append(dst, digits...)
	}
	point := len(digits) + exp
	if point <= 0 {
		dst = append(dst, "0."...)
		for range -point {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	}
	dst = append(dst, digits[:point]...)
	dst = append(dst, '.')
	return append(dst, digits[point:]...)
}

// appendUint128 writes the number hi<<64 | lo.
func appendUint128(dst []byte, hi, lo uint64) []byte {
	if hi == 0 {
		return strconv.AppendUint(dst, lo, 10)
	}
	if hi < 1e19 {
		q, r := bits.Div64(hi, lo, 1e19)
		dst = strconv.AppendUint(dst, q, 10)
		var low [20]byte
		d := strconv.AppendUint(low[:0], r, 10)
		for range 19 - len(d) {
			dst = append(dst, '0')
		}
		return append(dst, d...)
	}
	n := new(big.Int).SetUint64(hi)
	n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(lo))
	return n.Append(dst, 10)
}
