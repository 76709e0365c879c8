package mongodb

// serverErrors are the codes whose category in the server's list of error codes (src/mongo/base/error_codes.yml) says
// that the server or the network is at fault: network, interruption, not primary, shutdown, time limits, and single
// codes of the same kind. All others are the client's.
var serverErrors = map[int64]bool{
	1:     true, // InternalError
	6:     true, // HostUnreachable
	7:     true, // HostNotFound
	24:    true, // LockTimeout
	50:    true, // MaxTimeMSExpired
	89:    true, // NetworkTimeout
	90:    true, // CallbackCanceled
	91:    true, // ShutdownInProgress
	189:   true, // PrimarySteppedDown
	202:   true, // NetworkInterfaceExceededTimeLimit
	237:   true, // CursorKilled
	262:   true, // ExceededTimeLimit
	279:   true, // ClientDisconnect
	290:   true, // TransactionExceededLifetimeLimitSeconds
	384:   true, // ConnectionPoolExpired
	9001:  true, // SocketException
	10058: true, // LegacyNotPrimary
	10107: true, // NotWritablePrimary
	11600: true, // InterruptedAtShutdown
	11601: true, // Interrupted
	11602: true, // InterruptedDueToReplStateChange
	13435: true, // NotPrimaryNoSecondaryOk
	13436: true, // NotPrimaryOrSecondary
	14031: true, // OutOfDiskSpace
}

// errorNames are the names of codes that servers often send without one: in writeErrors.
var errorNames = map[int64]string{
	2: "BadValue", 11: "UserNotFound", 13: "Unauthorized", 14: "TypeMismatch", 26: "NamespaceNotFound", 43: "CursorNotFound",
	48: "NamespaceExists", 50: "MaxTimeMSExpired", 59: "CommandNotFound", 66: "ImmutableField", 112: "WriteConflict",
	121: "DocumentValidationFailure", 211: "KeyNotFound", 251: "NoSuchTransaction", 10334: "BSONObjectTooLarge",
	11000: "DuplicateKey", 17280: "KeyTooLong",
}
