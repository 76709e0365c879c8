module github.com/dbtap/dbtap

go 1.26
