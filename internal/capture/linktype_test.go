package capture

import "testing"

func TestLinkTypeString(t *testing.T) {
	for link, want := range map[LinkType]string{
		LinkEthernet: "ETHERNET", LinkSLL2: "LINUX_SLL2", 105: "IEEE802_11", 127: "IEEE802_11_RADIOTAP", 147: "link type 147",
	} {
		if got := link.String(); got != want {
			t.Errorf("%d is %q, want %q", link, got, want)
		}
	}
}
