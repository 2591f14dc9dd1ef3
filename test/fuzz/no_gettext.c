/*
 * no_gettext.c
 *		For test/fuzz: loaded before a server that runs under AddressSanitizer.
 *
 * With some C libraries the sanitizer's start enters gettext before the library's
 * locks are ready, and the server then waits for ever when it chooses its messages.
 * It needs no translations here.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
char *bindtextdomain(const char *domain, const char *folder);
char *textdomain(const char *domain);

char *
bindtextdomain(const char *domain, const char *folder)
{
	return (char *) folder;
}

char *
textdomain(const char *domain)
{
	return (char *) domain;
}
