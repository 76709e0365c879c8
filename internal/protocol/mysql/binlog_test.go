package mysql

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/dbtap/dbtap/internal/l7"
	"github.com/dbtap/dbtap/internal/wire"
)

// events are of the logs of MySQL 9.7 and MariaDB 11.8. Their own tools read the same in them.
var events = []struct{ event, want string }{
	{"4b4c006b0201000000470000004f05000008001a000000000000000200001a000000000001010000205400000000060373746404000900090009626c00434f4d4d4954f66f5e2e",
		`QUERY_EVENT: thread_id=26 execution_time=0 schema_length=2 error_code=0 status_vars_length=26 key=FLAGS2 value=16777216 key=SQL_MODE value=1411383296 key=CATALOG_NZ length=3 value=std key=CHARSET character_set_client=2304 collation_connection=2304 collation_server=2304 schema=bl query=COMMIT`},
	{"244c006b020100000062000000bb660100000019000000000000000200001c0000000000010100002054000000000603737464040009000900098202626c00616c746572207461626c6520742061646420636f6c756d6e207a7a20696e74b2ba1703",
		`QUERY_EVENT: thread_id=25 execution_time=0 schema_length=2 error_code=0 status_vars_length=28 key=FLAGS2 value=16777216 key=SQL_MODE value=1411383296 key=CATALOG_NZ length=3 value=std key=CHARSET character_set_client=2304 collation_connection=2304 collation_server=2304 key=GTID_FLAGS3 value=2 schema=bl query=alter table t add column zz int`},
	{"234c006b04010000002c000000100301000000040000000000000062696e6c6f672e303030303032ba74e6c3",
		`ROTATE_EVENT: position=4 name=binlog.000002`},
	{"234c006b050100000020000000770a000000000202000000000000001b72f9d1",
		`INTVAR_EVENT: type=INSERT_ID_EVENT value=2`},
	{"234c006b0d01000000270000008f0d000000008c9e651a00000000d5a2bd1b00000000dc90e424",
		`RAND_EVENT: seed1=442867340 seed2=465412821`},
	{"234c006b0e010000001d000000040c00000000010000006e0183d3cd24",
		`USER_VAR_EVENT: name_length=1 name=n is_null=1`},
	{"0a47006b0f010000007b0000007f00000000000400392e372e342d32000000000000000000000000000000000000000000000000000000000000000000000000000000000000000a47006b13000d0008000000000400040000006300041a08000000000000020000000a0a0a2a2a001234000a28000001d2065003",
		`FORMAT_DESCRIPTION_EVENT: binlog_version=4 server_version=9.7.4-2 create_timestamp=1795180298 event_header_length=19 event_type_header_lengths=000d0008000000000400040000006300041a08000000000000020000000a0a0a2a2a001234000a280000 checksum_algorithm=CRC32`},
	{"844a006b10010000001f0000003806000000000c00000000000000d873ee92",
		`XID_EVENT: xid=12`},
	{"234c006b11010000001f0000000b0f0000000001000000612c310ae2bb2b99",
		`BEGIN_LOAD_QUERY_EVENT: file_id=1 block_data=612c310a`},
	{"244c006b1201000000db00000000000000000019000000000000000200001a0001000000090000002b000000000000000001010000205400000000060373746404000900090009626c004c4f4144204441544120494e46494c4520272f7372762f6c6f61642f612d6461792e6373762720494e544f205441424c4520607460204649454c4453205445524d494e4154454420425920275c742720454e434c4f534544204259202727204553434150454420425920275c5c27204c494e4553205445524d494e4154454420425920275c6e272028606e6029cbde6511",
		"EXECUTE_LOAD_QUERY_EVENT: thread_id=25 execution_time=0 schema_length=2 error_code=0 status_vars_length=26 file_id=1 start_pos=9 end_pos=43 duplicate_handling=ERROR key=FLAGS2 value=16777216 key=SQL_MODE value=1411383296 key=CATALOG_NZ length=3 value=std key=CHARSET character_set_client=2304 collation_connection=2304 collation_server=2304 schema=bl query=LOAD DATA INFILE '/srv/load/a-day.csv' INTO TABLE `t` FIELDS TERMINATED BY '\\t' ENCLOSED BY '' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' (`n`)"},
	{"844a006b13010000002a000000000000000000160000000000010001680001760002030100026d6e2855",
		`TABLE_MAP_EVENT: table_id=22 flags=1 schema_length=1 schema=h table_length=1 table=v column_count=2 type=LONG type=TINY metadata_length=0 metadata= null_bits=02`},
	{"844a006b17010000002700000000000000000016000000000001000203fc01000000806c50cee0",
		`WRITE_ROWS_EVENT_V1: table_id=22 flags=1 STMT_END=1 column_count=2 columns_present=03 rows=fc0100000080`},
	{"244c006b180100000055000000000000000000a500000000000100077f7ff8010000000600736563726574080000007b2261223a20317df801000000070073656372657432080000007b2261223a20317d63d046e2",
		`UPDATE_ROWS_EVENT_V1: table_id=165 flags=1 STMT_END=1 column_count=7 columns_present=7f columns_present_after=7f rows=f8010000000600736563726574080000007b2261223a20317df801000000070073656372657432080000007b2261223a20317d`},
	{"2a4b006b1901000000360000000000000000006600000000000100063fe801000000074f27427269656e01000000000000009deff7e9",
		`DELETE_ROWS_EVENT_V1: table_id=102 flags=1 STMT_END=1 column_count=6 columns_present=3f rows=e801000000074f27427269656e0100000000000000`},
	{"234c006b1d0100000032000000cf070000800000757064617465207420736574206e203d2027736563726574322763b28fcd",
		`ROWS_QUERY_EVENT: length=0 query=update t set n = 'secret2'`},
	{"844a006b1e01000000290000001906000000006d00000000001100020002ff000100000080cfe4109e",
		`WRITE_ROWS_EVENT: table_id=109 flags=17 STMT_END=1 USE_SQL_FOREIGN_KEY=1 extra_data_length=2 extra_data= column_count=2 columns_present=ff rows=000100000080`},
	{"234c006b2001000000280000009b0900000000e100000000001100020007010001000000090ad01e",
		`DELETE_ROWS_EVENT: table_id=225 flags=17 STMT_END=1 USE_SQL_FOREIGN_KEY=1 extra_data_length=2 extra_data= column_count=7 columns_present=01 rows=0001000000`},
	{"0f47006b21010000004d00000030020000000001c6f3359ae4e311f1acfe02fc0000000102000000000000000201000000000000000200000000000000c57646fcb46006e950620100222d4ca3",
		`GTID_EVENT: gtid_flags=1 sid=c6f3359a-e4e3-11f1-acfe-02fc00000001 gno=2 logical_timestamp_type=2 last_committed=1 sequence_number=2 immediate_commit_timestamp=1795180303120069 transaction_length=233 immediate_server_version=90704`},
	{"0a47006b23010000001f0000009e00000080000000000000000000fd194b38",
		`PREVIOUS_GTIDS_EVENT: n_sids=0`},
	{"234c006b230100000047000000c600000080000100000000000000c6f3359ae4e311f1acfe02fc00000001010000000000000001000000000000000901000000000000e9843f71",
		`PREVIOUS_GTIDS_EVENT: n_sids=1 n_intervals=1 start=1 end=265`},
	{"01000000230100000076000000f500000080000102000000000001c6f3359ae4e311f1acfe02fc0000000100010000000000000001000000000000001a01000000000000c6f3359ae4e311f1acfe02fc000000010a6d797461670100000000000000010000000000000002000000000000009dab4595",
		`PREVIOUS_GTIDS_EVENT: n_sids=72057594037928449 tag_length=0 tag= n_intervals=1 start=1 end=282 tag_length=10 tag=mytag n_intervals=1 start=1 end=2`},
	{"234c006b26010000002800000004120000000000010000000200000002000000783162314d5bf236",
		`XA_PREPARE_EVENT: one_phase=0 format_id=1 gtrid_length=2 bqual_length=2 gtrid=7831 bqual=6231`},
	{"234c006b270100000033000000460800000000e1000000000011000200070102000100000000000773656372657432aecf4eff",
		`PARTIAL_UPDATE_ROWS_EVENT: table_id=225 flags=17 STMT_END=1 USE_SQL_FOREIGN_KEY=1 extra_data_length=2 extra_data= column_count=7 columns_present=01 columns_present_after=02 rows=000100000000000773656372657432`},
	{"4a4c006b2801000000ff0000000803000000000201000303fc6c0a0101dc0028b52ffd606c09950600328b2930704bd31828800174faffff9fabfa4f6b11847653e6a69b668bdf9c0693c150a1f5038136f52a857f2aaaa76fe9de5ba6ffffe407048dc42f805199db4ea3f12fc2b555bdcc15c4b577335c0b78fbf1162e8de351433a061c33dde5a4bd1ccf602049d3a40013a0396366a9a84c401195444bcc2238a385945c40098b2085158a5120cde2c4287f7178aead2a02e2816a584eae05d74741a78b501bc3bdfd0c30f56fbbb6aa11008010042706065695950ff278bf0c41421631200f8c5512ec861490602b671c58ed42301864005ee38d2308",
		`TRANSACTION_PAYLOAD_EVENT: type=COMPRESSION_TYPE length=1 value=00 type=UNCOMPRESSED_SIZE length=3 value=fc6c0a type=PAYLOAD_SIZE length=1 value=dc type=END_MARK payload=28b52ffd606c09950600328b2930704bd31828800174faffff9fabfa4f6b11847653e6a69b668bdf9c0693c150a1f5038136f52a857f2aaaa76fe9de5ba6ffffe407048dc42f805199db4ea3f12fc2b555bdcc15c4b577335c0b78fbf1162e8de351433a061c33dde5a4bd1ccf602049d3a40013a0396366a9a84c401195444bcc2238a385945c40098b2085158a5120cde2c4287f7178aead2a02e2816a584eae05d74741a78b501bc3bdfd0c30f56fbbb6aa11008010042706065695950ff278bf0c41421631200f8c5512ec861490602b671c58ed42301864005e`},
	{"234c006b2a01000000530000000313000000000278000000021903cd036a690291038d0322c503b102f90304f103000000020404060a6d7974616708340a380c7f427dcf49b5600610a5051283120bafc78818",
		`GTID_TAGGED_EVENT: data=0278000000021903cd036a690291038d0322c503b102f90304f103000000020404060a6d7974616708340a380c7f427dcf49b5600610a5051283120b`},
	{"2a4b006ba0010000003100000000000000000064656c6574652066726f6d2065207768657265206964203d2031d21ec0d6",
		`ANNOTATE_ROWS_EVENT: query=delete from e where id = 1`},
	{"d046006ba101000000280000004501000000000d00000062696e6c6f672e303030303031cf03cf98",
		`BINLOG_CHECKPOINT_EVENT: name_length=13 log_name=binlog.000001`},
	{"844a006ba2010000002a0000009204000008000600000000000000000000000c10050000000000f549c5",
		`GTID_EVENT: sequence_number=6 domain_id=0 gtid_flags=12 TRANSACTIONAL=1 ALLOW_PARALLEL=1 extra_flags=16 THREAD_ID=1 thread_id=5`},
	{"244c006ba20100000033000000d36501000800c801000000000000000000008d01000000020278316231101900000059982d53",
		`GTID_EVENT: sequence_number=456 domain_id=0 gtid_flags=141 STANDALONE=1 TRANSACTIONAL=1 ALLOW_PARALLEL=1 COMPLETED_XA=1 format_id=1 gtrid_length=2 bqual_length=2 gtrid=7831 bqual=6231 extra_flags=16 THREAD_ID=1 thread_id=25`},
	{"244c006ba20100000034000000866401000800c701000000000000000000004c0100000002027831623111ff19000000ae09c347",
		`GTID_EVENT: sequence_number=455 domain_id=0 gtid_flags=76 TRANSACTIONAL=1 ALLOW_PARALLEL=1 PREPARED_XA=1 format_id=1 gtrid_length=2 bqual_length=2 gtrid=7831 bqual=6231 extra_flags=17 MULTI_ENGINE=1 THREAD_ID=1 extra_engines=255 thread_id=25`},
	{"d046006ba3010000001d0000001d0100000000000000000000c15f82f4",
		`GTID_LIST_EVENT: count=0`},
	{"244c006ba5010000006c00000000000000000019000000000000000200001a000000000001010000205400000000060373746404000900090009626c0082011f789ccbcc2b4e2d2a51c8cc2bc9572851d0c8d354284bcc294d2d56d0504f1cf1405d1300e91e6b1467fca165",
		`QUERY_COMPRESSED_EVENT: thread_id=25 execution_time=0 schema_length=2 error_code=0 status_vars_length=26 key=FLAGS2 value=16777216 key=SQL_MODE value=1411383296 key=CATALOG_NZ length=3 value=std key=CHARSET character_set_client=2304 collation_connection=2304 collation_server=2304 schema=bl compressed_query=82011f789ccbcc2b4e2d2a51c8cc2bc9572851d0c8d354284bcc294d2d56d0504f1cf1405d1300e91e6b14`},
	{"244c006ba6010000003f000000000000000000a60000000000010008ff820147789cfbc3cec0c0e0c0989c9f5b50945a5c3c4a934703006ac78a255a0a7c26",
		`WRITE_ROWS_COMPRESSED_EVENT_V1: table_id=166 flags=1 STMT_END=1 column_count=8 columns_present=ff rows=820147789cfbc3cec0c0e0c0989c9f5b50945a5c3c4a934703006ac78a25`},
	{"244c006ba80100000061000000000000000000a60000000000010008ff820737789cfbc3c4c0c0a0c3985f92915a344a1045fc611e0d3212893b2ca3414622d1c0c0c0ccf0877534dc4824feb08d0619a941c63e1a642412006a9b0772ba8c4183",
		`DELETE_ROWS_COMPRESSED_EVENT_V1: table_id=166 flags=1 STMT_END=1 column_count=8 columns_present=ff rows=820737789cfbc3c4c0c0a0c3985f92915a344a1045fc611e0d3212893b2ca3414622d1c0c0c0ccf0877534dc4824feb08d0619a941c63e1a642412006a9b0772`},
}

// describe reads all of b, with a tree and without, and lists the fields with their values.
func describe(t *testing.T, b []byte, of func(c *wire.Cursor)) (string, *wire.Tree) {
	t.Helper()
	var fast, watched wire.Cursor
	var tree wire.Tree
	fast.Reset(b, len(b), nil, nil)
	of(&fast)
	watched.Reset(b, len(b), nil, &tree)
	of(&watched)
	if fast.Err() != nil || watched.Err() != nil || fast.Left() != 0 || watched.Left() != 0 {
		t.Errorf("% x: errors %v and %v, %d and %d bytes left", b, fast.Err(), watched.Err(), fast.Left(), watched.Left())
	}
	var list []string
	for i := range tree.Fields {
		f := &tree.Fields[i]
		value := fmt.Sprint(f.Num)
		switch {
		case f.Name == "unknown":
			t.Errorf("% x: byte %d is unknown", b, f.Off)
		case f.Kind == wire.Group, f.Kind == wire.Bit && f.Num == 0, f.Detail && f.Kind != wire.Unsigned:
			continue
		case f.Kind == wire.Text:
			value = string(tree.Content(f))
		case f.Kind == wire.Octets && f.Type != nil:
			value = string(f.Type.Append(nil, tree.Content(f)))
		case f.Kind == wire.Octets:
			value = hex.EncodeToString(tree.Content(f))
		case f.Label != "":
			value = f.Label
		}
		list = append(list, f.Name+"="+value)
	}
	return strings.Join(list, " "), &tree
}

func TestEvents(t *testing.T) {
	for _, e := range events {
		b, _ := hex.DecodeString(e.event)
		name, body, _ := strings.Cut(e.want, ": ")
		end := len(b) - checksum
		head := fmt.Sprintf("timestamp=%d event_type=%s server_id=1 event_size=%%d ", little(b[:4]), name)
		sum := fmt.Sprintf(" checksum=%d", little(b[end:]))
		check := func(form string, sent []byte, head, tail string) {
			t.Helper()
			got, tree := describe(t, sent, binlogEvent)
			if !strings.HasPrefix(got, head) || !strings.HasSuffix(got, tail) {
				t.Errorf("%s %s:\n%s, want\n%s... %s", form, e.event, got, head, tail)
			}
			for i := range tree.Fields {
				if f := &tree.Fields[i]; f.Kind != wire.Group && f.Class == wire.Structure && strings.Contains(string(tree.Bytes(f)), "secret") {
					t.Errorf("%s: %s shows a value", e.event, f.Name)
				}
			}
		}
		check("with checksum", b, fmt.Sprintf(head, len(b)), body+sum)
		check("semi-synchronous", append([]byte{semiSync, 1}, b...), "semi_sync_indicator=239 semi_sync_flags=1 ACK_REQUESTED=1 "+fmt.Sprintf(head, len(b)), body+sum)
		if b[4] != eventFormatDescription {
			plain := append([]byte(nil), b[:end]...)
			binary.LittleEndian.PutUint32(plain[9:], uint32(end))
			check("without checksum", plain, fmt.Sprintf(head, end), body)
		}
	}
}

// TestEventsOfTheSpecification are those that no server here sends.
func TestEventsOfTheSpecification(t *testing.T) {
	for _, e := range []struct {
		typ        byte
		body, want string
	}{
		{3, "", "STOP_EVENT"},
		{eventHeartbeat, "62696e6c6f672e303030303031", "log_name=binlog.000001"},
		{eventHeartbeatV2, "01036c6f6702029a0200", "type=LOG_FILENAME length=3 value=6c6f67 type=LOG_POSITION length=2 value=9a02 type=END_MARK"},
		{eventIncident, "0100036c6f73", "incident=1 message_length=3 message=los"},
		{eventAppendBlock, "01000000736563726574", "file_id=1 block_data=736563726574"},
		{eventDeleteFile, "01000000", "file_id=1"},
		{eventWriteRowsV0, "0100000000000100010100ff", "table_id=1 flags=1 STMT_END=1 column_count=1 columns_present=01 rows=00ff"},
		{eventGTID, "01000102030405060708090a0b0c0d0e0f0500000000000000", "gtid_flags=1 sid=00010203-0405-0607-0809-0a0b0c0d0e0f gno=5"},
		{eventStartEncryption, "01010000000102030405060708090a0b0c", "scheme=1 key_version=1 nonce=0102030405060708090a0b0c"},
		{eventGTIDList, "0100000001000000020000000300000000000000", "count=1 domain_id=1 server_id=2 sequence_number=3"},
		{eventMariaGTID, "01000000000000000200000006ff00000000000000", "sequence_number=1 domain_id=2 gtid_flags=6 GROUP_COMMIT_ID=1 TRANSACTIONAL=1 commit_id=255"},
		{99, "736563726574", "data=736563726574"},
	} {
		body, _ := hex.DecodeString(e.body)
		b := append(make([]byte, eventHeader), body...)
		b[4], b[9] = e.typ, byte(len(b)+checksum)
		b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
		if got, _ := describe(t, b, binlogEvent); !strings.Contains(got, e.want) {
			t.Errorf("type %d: %s, want %s", e.typ, got, e.want)
		}
	}
}

// reading is what f reads, whatever it states.
func reading(f func(*wire.Cursor, *l7.Message)) func(*wire.Cursor) {
	return func(c *wire.Cursor) { f(c, &l7.Message{}) }
}

func TestReplicas(t *testing.T) {
	for _, r := range []struct {
		of         func(*wire.Cursor)
		sent, want string
	}{
		{reading(binlogDump), "04000000010009000000" + "62696e2e3031", "binlog_pos=4 flags=1 BINLOG_DUMP_NON_BLOCK=1 server_id=9 binlog_filename=bin.01"},
		{reading(binlogDump), "04000000000009000000", "binlog_pos=4 flags=0 server_id=9 binlog_filename="},
		{reading(binlogDumpGTID), "0400090000000000000004000000000000003000000001000000000000000001020304050607" +
			"08090a0b0c0d0e0f010000000000000001000000000000000900000000000000",
			"flags=4 BINLOG_THROUGH_GTID=1 server_id=9 binlog_filename_length=0 binlog_filename= binlog_pos=4 data_size=48 n_sids=1 n_intervals=1 start=1 end=9"},
		{registerSlave, "0900000003616263027531067365637265746a0c0000000000000000",
			"server_id=9 hostname_length=3 hostname=abc user_length=2 username=u1 password_length=6 password=736563726574 port=3178 replication_rank=0 master_id=0"},
	} {
		b, _ := hex.DecodeString(r.sent)
		got, tree := describe(t, b, r.of)
		if got != r.want {
			t.Errorf("%s, want %s", got, r.want)
		}
		for i := range tree.Fields {
			if f := &tree.Fields[i]; f.Name == "password" && f.Class != wire.Secret {
				t.Error("a password is shown")
			}
		}
	}
}

// TestLongEvent keeps the head and the tail of an event: its rows have a hole, and no more is missing.
func TestLongEvent(t *testing.T) {
	b, _ := hex.DecodeString(events[0].event)
	for _, e := range events {
		if strings.HasPrefix(e.want, "WRITE_ROWS_EVENT:") {
			b, _ = hex.DecodeString(e.event)
		}
	}
	size := len(b) + 5000
	b[9], b[10] = byte(size), byte(size>>8)
	tail := len(b) - 6
	runs := []wire.Run{{Off: 0, N: tail}, {Off: tail + 5000, N: 6}}
	var c wire.Cursor
	var tree wire.Tree
	c.Reset(b, size, runs, &tree)
	if binlogEvent(&c); c.Err() != nil || c.Left() != 0 {
		t.Errorf("error %v, %d bytes left", c.Err(), c.Left())
	}
	if f := tree.Fields[len(tree.Fields)-1]; f.Name != "rows" || f.Len < 5000 {
		t.Errorf("the last field is %s of %d bytes", f.Name, f.Len)
	}
}

func FuzzEvents(f *testing.F) {
	for _, e := range events {
		b, _ := hex.DecodeString(e.event)
		f.Add(b[eventHeader:], b[4])
	}
	f.Fuzz(func(t *testing.T, body []byte, typ byte) {
		b := append(make([]byte, eventHeader), body...)
		b[4] = typ
		binary.LittleEndian.PutUint32(b[9:], uint32(len(b)))
		for _, of := range []func(*wire.Cursor){binlogEvent, reading(binlogDump), reading(binlogDumpGTID), registerSlave} {
			var c wire.Cursor
			var tree wire.Tree
			c.Reset(b, len(b), nil, &tree)
			of(&c)
			c.Finish()
			if n := len(tree.Fields); n > 100+4*len(b) {
				t.Errorf("%d fields of %d bytes", n, len(b))
			}
			for i := range tree.Fields {
				if f := &tree.Fields[i]; f.Type != nil && f.Type.Append != nil {
					f.Type.Append(nil, tree.Content(f))
				}
			}
		}
	})
}
