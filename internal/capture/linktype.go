package capture

import "strconv"

// LinkType says what a frame begins with. The numbers are those of https://www.tcpdump.org/linktypes.html, which
// capture files carry; the operating system's own DLT numbers differ for a few of them.
type LinkType uint16

// The link types that package packet reads.
const (
	LinkNull     LinkType = 0   // BSD loopback: address family in the byte order of the capturing host
	LinkEthernet LinkType = 1   // Ethernet, without preamble
	LinkPPP      LinkType = 9   // PPP, with or without address and control
	LinkRawBSD   LinkType = 12  // IP; the number DLT_RAW has on most systems, found in old files
	LinkRawOpen  LinkType = 14  // IP; the number DLT_RAW has on OpenBSD
	LinkPPPHDLC  LinkType = 50  // PPP in HDLC-like framing, or Cisco HDLC
	LinkPPPEther LinkType = 51  // PPPoE session header, then PPP
	LinkRaw      LinkType = 101 // IP, version in the first nibble
	LinkCHDLC    LinkType = 104 // Cisco HDLC
	LinkLoop     LinkType = 108 // OpenBSD loopback: address family in network byte order
	LinkSLL      LinkType = 113 // Linux "cooked" capture
	LinkIPv4     LinkType = 228 // IPv4
	LinkIPv6     LinkType = 229 // IPv6
	LinkSLL2     LinkType = 276 // Linux "cooked" capture, version 2
)

// String returns the name after LINKTYPE_, such as "ETHERNET", or "link type 147" where there is none here.
func (t LinkType) String() string {
	if name, ok := linkNames[t]; ok {
		return name
	}
	return "link type " + strconv.Itoa(int(t))
}

var linkNames = map[LinkType]string{
	LinkNull:     "NULL",
	LinkEthernet: "ETHERNET",
	3:            "AX25",
	6:            "IEEE802_5",
	7:            "ARCNET_BSD",
	8:            "SLIP",
	LinkPPP:      "PPP",
	10:           "FDDI",
	LinkRawBSD:   "RAW",
	LinkRawOpen:  "RAW",
	LinkPPPHDLC:  "PPP_HDLC",
	LinkPPPEther: "PPP_ETHER",
	100:          "ATM_RFC1483",
	LinkRaw:      "RAW",
	LinkCHDLC:    "C_HDLC",
	105:          "IEEE802_11",
	107:          "FRELAY",
	LinkLoop:     "LOOP",
	LinkSLL:      "LINUX_SLL",
	114:          "LTALK",
	117:          "PFLOG",
	119:          "IEEE802_11_PRISM",
	122:          "IP_OVER_FC",
	123:          "SUNATM",
	127:          "IEEE802_11_RADIOTAP",
	129:          "ARCNET_LINUX",
	138:          "APPLE_IP_OVER_IEEE1394",
	139:          "MTP2_WITH_PHDR",
	140:          "MTP2",
	141:          "MTP3",
	142:          "SCCP",
	143:          "DOCSIS",
	144:          "LINUX_IRDA",
	163:          "IEEE802_11_AVS",
	165:          "BACNET_MS_TP",
	166:          "PPP_PPPD",
	169:          "GPRS_LLC",
	177:          "LINUX_LAPD",
	187:          "BLUETOOTH_HCI_H4",
	189:          "USB_LINUX",
	192:          "PPI",
	195:          "IEEE802_15_4_WITHFCS",
	197:          "ERF",
	201:          "BLUETOOTH_HCI_H4_WITH_PHDR",
	203:          "LAPD",
	204:          "PPP_WITH_DIR",
	205:          "C_HDLC_WITH_DIR",
	206:          "FRELAY_WITH_DIR",
	215:          "IEEE802_15_4_NONASK_PHY",
	220:          "USB_LINUX_MMAPPED",
	224:          "FC_2",
	225:          "FC_2_WITH_FRAME_DELIMS",
	226:          "IPNET",
	227:          "CAN_SOCKETCAN",
	LinkIPv4:     "IPV4",
	LinkIPv6:     "IPV6",
	230:          "IEEE802_15_4_NOFCS",
	231:          "DBUS",
	235:          "DVB_CI",
	236:          "MUX27010",
	239:          "NFLOG",
	240:          "NETANALYZER",
	241:          "NETANALYZER_TRANSPARENT",
	242:          "IPOIB",
	243:          "MPEG_2_TS",
	244:          "NG40",
	245:          "NFC_LLCP",
	247:          "INFINIBAND",
	248:          "SCTP",
	249:          "USBPCAP",
	250:          "RTAC_SERIAL",
	251:          "BLUETOOTH_LE_LL",
	253:          "NETLINK",
	254:          "BLUETOOTH_LINUX_MONITOR",
	256:          "BLUETOOTH_LE_LL_WITH_PHDR",
	257:          "PROFIBUS_DL",
	258:          "PKTAP",
	259:          "EPON",
	265:          "RDS",
	266:          "USB_DARWIN",
	268:          "SDLC",
	271:          "VSOCK",
	272:          "NORDIC_BLE",
	274:          "ETHERNET_MPACKET",
	LinkSLL2:     "LINUX_SLL2",
	280:          "VPP_DISPATCH",
	281:          "DSA_TAG_BRCM",
	282:          "DSA_TAG_BRCM_PREPEND",
	283:          "IEEE802_15_4_TAP",
	284:          "DSA_TAG_DSA",
	285:          "DSA_TAG_EDSA",
	288:          "USB_2_0",
}
