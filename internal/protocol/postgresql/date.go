package postgresql

import (
	"math"
	"time"
)

// epoch is 2000-01-01T00:00:00Z, where dates and times begin, in seconds since 1970.
const epoch = 946684800

const microsecond = 1_000_000 // of a second

func (p *printer) date(r *reader) {
	switch days := int32(r.uint32()); days {
	case math.MaxInt32:
		p.text("infinity")
	case math.MinInt32:
		p.text("-infinity")
	default:
		p.era(p.day(epoch + int64(days)*24*60*60))
	}
}

// day appends the day of a time, in seconds since 1970, and tells whether it is before the year 1.
func (p *printer) day(s int64) (bc bool) {
	year, month, day := time.Unix(s, 0).UTC().Date()
	if bc = year < 1; bc {
		year = 1 - year
	}
	p.padded(uint64(year), 4)
	p.byte('-')
	p.padded(uint64(month), 2)
	p.byte('-')
	p.padded(uint64(day), 2)
	return bc
}

func (p *printer) era(bc bool) {
	if bc {
		p.text(" BC")
	}
}

// timestamp appends microseconds since the epoch.
func (p *printer) timestamp(r *reader, zone string) {
	const day = 24 * 60 * 60 * microsecond
	switch t := int64(r.uint64()); t {
	case math.MaxInt64:
		p.text("infinity")
	case math.MinInt64:
		p.text("-infinity")
	default:
		days, rest := t/day, t%day
		if rest < 0 {
			days, rest = days-1, rest+day
		}
		bc := p.day(epoch + days*24*60*60)
		p.byte(' ')
		p.clock(uint64(rest))
		p.text(zone)
		p.era(bc)
	}
}

// clock appends microseconds as hours, minutes and seconds.
func (p *printer) clock(t uint64) {
	s := t / microsecond
	p.padded(s/3600, 2)
	p.byte(':')
	p.padded(s/60%60, 2)
	p.byte(':')
	p.padded(s%60, 2)
	if t %= microsecond; t > 0 {
		p.byte('.')
		p.padded(t, 6)
		for p.dst[len(p.dst)-1] == '0' {
			p.dst = p.dst[:len(p.dst)-1]
		}
	}
}

// zone appends seconds west of Greenwich.
func (p *printer) zone(r *reader) {
	s := int64(int32(r.uint32()))
	if s > 0 {
		p.byte('-')
	} else {
		p.byte('+')
		s = -s
	}
	p.padded(uint64(s)/3600, 2)
	if s%3600 != 0 {
		p.byte(':')
		p.padded(uint64(s)/60%60, 2)
	}
	if s%60 != 0 {
		p.byte(':')
		p.padded(uint64(s)%60, 2)
	}
}

// interval appends months, days and microseconds, each with a sign of its own.
func (p *printer) interval(r *reader) {
	t, days, months := int64(r.uint64()), int32(r.uint32()), int32(r.uint32())
	switch {
	case t == math.MaxInt64 && days == math.MaxInt32 && months == math.MaxInt32:
		p.text("infinity")
		return
	case t == math.MinInt64 && days == math.MinInt32 && months == math.MinInt32:
		p.text("-infinity")
		return
	}
	start, negative := len(p.dst), false
	for _, part := range [...]struct {
		n    int32
		unit string
	}{{months / 12, " year"}, {months % 12, " mon"}, {days, " day"}} {
		if part.n == 0 {
			continue
		}
		p.gap(start)
		if negative && part.n > 0 {
			p.byte('+')
		}
		p.int(int64(part.n))
		p.text(part.unit)
		if part.n != 1 {
			p.byte('s')
		}
		negative = part.n < 0
	}
	if t == 0 && len(p.dst) > start {
		return
	}
	p.gap(start)
	switch {
	case t < 0:
		p.byte('-')
		t = -t
	case negative:
		p.byte('+')
	}
	p.clock(uint64(t))
}

// gap appends a blank unless nothing was appended since start.
func (p *printer) gap(start int) {
	if len(p.dst) > start {
		p.byte(' ')
	}
}
