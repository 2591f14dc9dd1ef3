/*
 * no_gettext.c
 *		Lets a server start under AddressSanitizer with glibc 2.36 (Debian 12).
 *
 * The sanitizer's start-up leaves a lock of gettext's in a state in which the
 * server's first call would wait for ever. The tests need no translations.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include <stddef.h>

char	   *bindtextdomain(const char *domain, const char *folder);
char	   *textdomain(const char *domain);

char *
bindtextdomain(const char *domain, const char *folder)
{
	return NULL;
}

char *
textdomain(const char *domain)
{
	return NULL;
}
