package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/dbtap/dbtap/internal/agent"
	"github.com/dbtap/dbtap/internal/filter"
	"github.com/dbtap/dbtap/internal/l7"
)

// printStats prints a line each as "name: value". The first dozen are always there, the others where there is something to
// count.
func printStats(w io.Writer, s *agent.Stats) {
	always := func(name string, value any) { fmt.Fprintf(w, "%s: %v\n", name, value) }
	some := func(name string, n uint64) {
		if n > 0 {
			always(name, n)
		}
	}
	unidentified := int64(0)
	for _, n := range s.L7.Unidentified {
		unidentified += n
	}
	cpu, peak := usage()
	always("files", s.Files)
	always("packets", s.Packets)
	always("bytes", s.Bytes)
	always("connections", s.Connections)
	always("unidentified connections", unidentified)
	for _, port := range slices.Sorted(maps.Keys(s.L7.Unidentified)) {
		always(fmt.Sprintf("unidentified connections on port %d", port), s.L7.Unidentified[port])
	}
	for _, port := range slices.Sorted(maps.Keys(s.L7.Encrypted)) {
		always(fmt.Sprintf("encrypted connections on port %d", port), s.L7.Encrypted[port])
	}
	some("connections that went on encrypted", uint64(s.L7.Upgraded))
	always("messages", s.L7.Messages)
	always("exchanges", s.L7.Exchanges)
	always("unpaired", s.L7.Unpaired)
	always("lost bytes", s.Assembly.Lost)
	always("malformed", s.L7.Malformed)
	always("CPU seconds", fmt.Sprintf("%.3f", cpu.Seconds()))
	always("peak memory", fmt.Sprintf("%.1f MB", float64(peak)/1e6))

	some("packets that are not TCP", s.Packet.NotTCP)
	for _, link := range slices.Sorted(maps.Keys(s.Packet.Unknown)) {
		some("packets not read: link type "+link.String(), s.Packet.Unknown[link])
	}
	some("packets not read: cut inside their headers", s.Packet.Truncated)
	some("packets not read: malformed", s.Packet.Malformed)
	some("datagrams put together from fragments", s.Packet.Reassembled)
	some("datagrams with missing fragments", s.Packet.Dropped)
	some("bytes cut by the snap length", s.Assembly.Cut)
	some("retransmitted or duplicate bytes", s.Assembly.Retransmitted)
	some("retransmitted bytes that differ", s.Assembly.Conflicting)
	some("segments without a connection, or after its end", s.Assembly.Stray)
	some("reordered segments", s.Assembly.Reordered)
	some("segments not believed", s.Assembly.Wild)
	some("evicted connections", s.Assembly.Evicted)
	some("exchanges given up to stay within memory", uint64(s.L7.Evicted))
}

// losses says what of the traffic the capture does not have.
func losses(s *agent.Stats) (lines []string) {
	if n := s.Assembly.Cut; n > 0 {
		lines = append(lines, fmt.Sprintf("the snap length cut %s off: capture with -s 0 to see all", count(int64(n), "byte")))
	}
	if n := s.Assembly.Lost; n > 0 {
		verb := "are"
		if n == 1 {
			verb = "is"
		}
		lines = append(lines, fmt.Sprintf("%s %s missing from the capture", count(int64(n), "byte"), verb))
	}
	return lines
}

// nothing says why no row was printed, "" if there is nothing to say. choice is the filter, nil if there is none.
func nothing(s *agent.Stats, choice *filter.Filter, looked []*l7.Protocol) string {
	switch {
	case s.L7.Exchanges > 0 && choice != nil:
		none := fmt.Sprintf("none of the %s matches the filter", count(s.L7.Exchanges, "exchange"))
		if s.L7.Exchanges == 1 {
			none = "the only exchange does not match the filter"
		}
		if unmet := choice.Unmet(); len(unmet) > 0 {
			return fmt.Sprintf("%s: no message has a field %s; dbtap tree shows the paths", none, strings.Join(unmet, " or "))
		}
		if folded := choice.Folded(); len(folded) > 0 {
			return fmt.Sprintf(`%s: %s is met but for upper and lower case, which matches "(?i)..." ignores`, none, strings.Join(folded, " and "))
		}
		return none
	case s.L7.Exchanges > 0:
		return ""
	case s.Packets == 0:
		return "nothing to show: there are no packets in the capture; was the filter of the capture right?"
	case len(s.Packet.Unknown) > 0 && s.Packet.TCP == 0:
		var types []string
		for _, link := range slices.Sorted(maps.Keys(s.Packet.Unknown)) {
			types = append(types, fmt.Sprintf("%s (%s)", link, count(int64(s.Packet.Unknown[link]), "packet")))
		}
		return "nothing to show: packets of these link types cannot be read: " + strings.Join(types, ", ") + "; capture on another interface"
	case s.Packet.TCP == 0 && s.Packets == 1:
		return "nothing to show: the only packet is not TCP; was the filter of the capture right?"
	case s.Packet.TCP == 0:
		return fmt.Sprintf("nothing to show: none of the %s is TCP; was the filter of the capture right?", count(s.Packets, "packet"))
	case len(s.L7.Unidentified) > 0:
		return "nothing to show: " + unidentified(s.L7.Unidentified, s.L7.Encrypted, looked)
	case s.Assembly.Cut > 0:
		return "nothing to show: the capture holds only the beginnings of packets; capture whole ones (tcpdump -s 0)"
	case s.L7.Malformed > 0:
		return fmt.Sprintf("nothing to show: %s on %s; is what --decode-as says right?", count(s.L7.Malformed, "malformed message"), count(s.L7.Identified, "identified connection"))
	case s.L7.Identified > 0:
		return fmt.Sprintf("nothing to show: no message is whole on %s", count(s.L7.Identified, "identified connection"))
	}
	return fmt.Sprintf("nothing to show: no data was sent on %s", count(s.Connections, "connection"))
}

// unidentified says why nothing was found on connections: by port, how many there are, and how many of them are encrypted.
func unidentified(all, encrypted map[uint16]int64, looked []*l7.Protocol) string {
	var parts []string
	other := maps.Clone(all)
	for _, port := range byCount(encrypted)[:min(len(encrypted), maxPorts)] {
		n := encrypted[port]
		verb := "are"
		if all[port] == 1 {
			verb = "is"
		}
		parts = append(parts, fmt.Sprintf("%d of %s on port %d %s encrypted (TLS)", n, count(all[port], "connection"), port, verb))
	}
	for port, n := range encrypted {
		if other[port] -= n; other[port] <= 0 {
			delete(other, port)
		}
	}
	if len(other) > 0 {
		var titles []string
		for _, p := range looked {
			titles = append(titles, p.Title)
		}
		parts = append(parts, fmt.Sprintf("none of the protocols looked for (%s) was found on %s; see --decode-as", strings.Join(titles, ", "), ports(other)))
	}
	return strings.Join(parts, "; ")
}

// maxPorts is how many ports a line names.
const maxPorts = 5

// ports lists how many connections there are on which ports, most first.
func ports(n map[uint16]int64) string {
	list := byCount(n)
	var text []string
	for _, port := range list[:min(len(list), maxPorts)] {
		text = append(text, fmt.Sprintf("port %d (%s)", port, count(n[port], "connection")))
	}
	if more := len(list) - maxPorts; more > 0 {
		text = append(text, count(int64(more), "other port"))
	}
	return strings.Join(text, ", ")
}

// byCount orders ports, most first.
func byCount(n map[uint16]int64) []uint16 {
	return slices.SortedFunc(maps.Keys(n), func(a, b uint16) int {
		return cmp.Or(cmp.Compare(n[b], n[a]), cmp.Compare(a, b))
	})
}

// count is "1 thing" or "2 things".
func count(n int64, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
