/* A module of PostgreSQL 18 that lets in who brings the one token TOKEN, as whatever role is asked for. The server's headers
   are not needed: what it asks of a module is small, and it checks all of it when it loads one. */
#include <stdbool.h>
#include <string.h>

struct magic {
	int len, version, funcmaxargs, indexmaxkeys, namedatalen, float8byval;
	char abi[32];
	const char *name, *module_version;
};

const struct magic *Pg_magic_func(void) {
	static const struct magic m = {sizeof m, 1800, 100, 32, 64, 1, "PostgreSQL", "pgtoken", "1"};
	return &m;
}

struct result {
	bool authorized;
	char *identity;
};

extern char *pstrdup(const char *); /* the server's */

static bool validate(const void *state, const char *token, const char *role, struct result *r) {
	(void)state;
	r->authorized = strcmp(token, TOKEN) == 0;
	if (r->authorized)
		r->identity = pstrdup(role);
	return true;
}

struct callbacks {
	unsigned magic;
	void *startup, *shutdown;
	bool (*validate)(const void *, const char *, const char *, struct result *);
};

const struct callbacks *_PG_oauth_validator_module_init(void) {
	static const struct callbacks c = {0x20250220, NULL, NULL, validate};
	return &c;
}
