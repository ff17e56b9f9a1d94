// SPDX-License-Identifier: GPL-2.0
#include "service/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "policy/text.h"
#include "policy/unit.h"

static struct {
	int level;
	bool journal;
	bool terminal;
} target = { .level = LOG_INFO };

void log_open(void)
{
	const char *e = getenv("JOURNAL_STREAM");
	uintmax_t dev, ino;
	struct stat st;

	target.terminal = isatty(STDERR_FILENO);
	if (e && sscanf(e, "%ju:%ju", &dev, &ino) == 2 && fstat(STDERR_FILENO, &st) == 0)
		target.journal = st.st_dev == dev && st.st_ino == ino;
}

void log_set_level(int level)
{
	target.level = level;
}

static void add_field(struct iovec *iov, int *n, const char *name, const char *value)
{
	char *s = value ? text_format("%s=%s", name, value) : NULL;

	if (s)
		iov[(*n)++] = (struct iovec){ s, strlen(s) };
}

static int send_to_journal(int level, const struct log_fields *f, const char *text)
{
	struct iovec iov[8];
	char priority[8];
	int n = 0, r;

	snprintf(priority, sizeof(priority), "%d", level);
	add_field(iov, &n, "MESSAGE", text);
	add_field(iov, &n, "PRIORITY", priority);
	if (f) {
		add_field(iov, &n, "MESSAGE_ID", f->message_id);
		add_field(iov, &n, "PMDSWAPD_CGROUP", f->cgroup);
		add_field(iov, &n, "PMDSWAPD_UNIT", f->cgroup ? unit_of_cgroup(f->cgroup) : NULL);
		add_field(iov, &n, "PMDSWAPD_POLICY", f->policy);
		add_field(iov, &n, "PMDSWAPD_OLD", f->old_value);
		add_field(iov, &n, "PMDSWAPD_NEW", f->new_value);
	}
	r = sd_journal_sendv(iov, n);
	for (int i = 0; i < n; i++)
		free(iov[i].iov_base);
	return r;
}

void log_full(int level, const struct log_fields *fields, const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	if (level > target.level)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (target.journal && send_to_journal(level, fields, text) >= 0)
		return;
	if (target.terminal)
		fprintf(stderr, "pmdswapd: %s\n", text);
	else
		fprintf(stderr, "<%d>%s\n", level, text);
}
