// Package inflate decompresses what protocols carry, within limits. It knows codecs; it knows no protocol.
//
// The functions with dst append at most limit bytes to it. Where src is cut short or broken they return what could be
// decompressed, and an error.
package inflate

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// ErrLimit says that there is more than the limit allows.
var ErrLimit = errors.New("more than the limit when decompressed")

// window bounds the memory that a zstd frame may ask a decoder to hold: the format's recommended minimum for decoders.
const window = 8 << 20

var zlibs, zstds sync.Pool

// Zlib decompresses the zlib format (RFC 1950).
func Zlib(dst, src []byte, limit int) ([]byte, error) {
	r, err := openZlib(src)
	if err == nil {
		dst, err = readAll(dst, r.z, limit, &r.one)
	}
	zlibs.Put(r)
	return dst, err
}

// ZlibPieces decompresses the zlib format up to limit bytes, lends them to take, some ten thousand at a time, and returns
// how many there were: fewer than the limit if src is cut short or broken, or has no more.
func ZlibPieces(src []byte, limit int, take func(piece []byte)) (n int) {
	r, err := openZlib(src)
	if err == nil {
		n = pieces(r.z, limit, &r.piece, take)
	}
	zlibs.Put(r)
	return n
}

type zlibReader struct {
	src   bytes.Reader
	z     io.ReadCloser
	one   [1]byte
	piece []byte
}

func openZlib(src []byte) (r *zlibReader, err error) {
	if r, _ = zlibs.Get().(*zlibReader); r == nil {
		r = &zlibReader{}
	}
	if r.src.Reset(src); r.z == nil {
		r.z, err = zlib.NewReader(&r.src)
	} else {
		err = r.z.(zlib.Resetter).Reset(&r.src, nil)
	}
	return r, err
}

// atOnce is up to which limit zstd is decompressed in one call, which is several times faster for small messages. More
// memory is only taken as the bytes come, for the limit may be what a liar wrote.
const atOnce = 1 << 20

var zstdAtOnce = sync.OnceValue(func() *zstd.Decoder {
	z, _ := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxWindow(window))
	return z
})

// Zstd decompresses the Zstandard format (RFC 8878).
func Zstd(dst, src []byte, limit int) ([]byte, error) {
	if limit <= atOnce {
		at := len(dst)
		dst = slices.Grow(dst, limit)
		out, err := zstdAtOnce().DecodeAll(src, dst[:at:at+limit])
		if err == nil {
			return dst[:len(out)], nil
		}
	}
	r, err := openZstd(src)
	if err == nil {
		dst, err = readAll(dst, r.z, limit, &r.one)
	}
	zstds.Put(r)
	return dst, err
}

// ZstdPieces decompresses the Zstandard format as ZlibPieces does the other.
func ZstdPieces(src []byte, limit int, take func(piece []byte)) (n int) {
	r, err := openZstd(src)
	if err == nil {
		n = pieces(r.z, limit, &r.piece, take)
	}
	zstds.Put(r)
	return n
}

type zstdReader struct {
	src   bytes.Reader
	z     *zstd.Decoder
	one   [1]byte
	piece []byte
}

func openZstd(src []byte) (r *zstdReader, err error) {
	if r, _ = zstds.Get().(*zstdReader); r == nil {
		r = &zstdReader{}
		r.z, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(window))
	}
	r.src.Reset(src)
	return r, r.z.Reset(&r.src)
}

// pieceSize is the most bytes that are lent at a time: enough that most messages lie in one.
const pieceSize = 64 << 10

// pieces lends what r yields, up to limit bytes, in memory that is made when it is first needed.
func pieces(r io.Reader, limit int, memory *[]byte, take func(piece []byte)) (n int) {
	if *memory == nil {
		*memory = make([]byte, pieceSize)
	}
	for n < limit {
		got, err := io.ReadFull(r, (*memory)[:min(limit-n, pieceSize)])
		if got > 0 {
			take((*memory)[:got])
		}
		if n += got; err != nil {
			break
		}
	}
	return n
}

// readAll appends what r yields, up to limit bytes; one is memory for a byte beyond them.
func readAll(dst []byte, r io.Reader, limit int, one *[1]byte) ([]byte, error) {
	end := len(dst) + limit
	for {
		if len(dst) == end {
			if n, _ := r.Read(one[:]); n > 0 {
				return dst, ErrLimit
			}
			return dst, nil
		}
		if len(dst) == cap(dst) {
			dst = slices.Grow(dst, min(end-len(dst), max(512, len(dst))))
		}
		n, err := r.Read(dst[len(dst):min(cap(dst), end)])
		dst = dst[:len(dst)+n]
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
}

// Snappy decompresses Snappy's block format.
func Snappy(dst, src []byte, limit int) ([]byte, error) {
	n, err := s2.DecodedLen(src)
	if err != nil {
		return dst, err
	}
	if n > limit {
		return snappyHead(dst, src, limit, ErrLimit)
	}
	at := len(dst)
	// A lying length costs no memory: no element of the format makes more than 64 bytes of one of the source, or
	// less than 2 of the source.
	if n > 64*len(src) {
		return snappyHead(dst, src, limit, s2.ErrCorrupt)
	}
	dst = slices.Grow(dst, n)
	out, err := s2.Decode(dst[at:at+n:at+n], src)
	if err != nil {
		return snappyHead(dst[:at], src, limit, err)
	}
	return dst[:at+len(out)], nil
}

// snappyHead decompresses as much of a cut or broken block as there is: element by element, until one does not fit.
// It returns why.
// The format is https://github.com/google/snappy/blob/main/format_description.txt.
func snappyHead(dst, src []byte, limit int, why error) ([]byte, error) {
	_, n := binary.Uvarint(src)
	if n <= 0 {
		return dst, why
	}
	start := len(dst)
	for src = src[n:]; len(src) > 0; {
		tag := int(src[0])
		size, off, used := tag>>2+1, 0, 1
		switch tag & 3 {
		case 0: // literal; lengths above 60 stand in the next one to four bytes
			if extra := size - 60; extra > 0 {
				if len(src) < 1+extra {
					return dst, why
				}
				size = 0
				for i := range extra {
					size |= int(src[1+i]) << (8 * i)
				}
				size, used = size+1, 1+extra
			}
			got := min(size, len(src)-used, limit-(len(dst)-start))
			dst = append(dst, src[used:used+got]...)
			if got < size {
				return dst, why
			}
			src = src[used+size:]
			continue
		case 1:
			if used = 2; len(src) < used {
				return dst, why
			}
			size, off = tag>>2&7+4, tag>>5<<8|int(src[1])
		case 2:
			if used = 3; len(src) < used {
				return dst, why
			}
			off = int(binary.LittleEndian.Uint16(src[1:]))
		case 3:
			if used = 5; len(src) < used {
				return dst, why
			}
			off = int(binary.LittleEndian.Uint32(src[1:]))
		}
		if off == 0 || off > len(dst)-start {
			return dst, why
		}
		for range size {
			if len(dst)-start >= limit {
				return dst, why
			}
			dst = append(dst, dst[len(dst)-off])
		}
		src = src[used:]
	}
	return dst, why
}
