// SPDX-License-Identifier: GPL-2.0
#include "policy/conf.h"

#include <errno.h>
#include <ini.h>
#include <string.h>
#include <syslog.h>

#include "policy/array.h"
#include "policy/text.h"
#include "policy/unit.h"

/*
 * inih does the parsing of "key = value", but a good deal of what it accepts or hides is wrong for
 * a file that decides about memory: it cuts long lines and long section names, takes an indented
 * line for more of the line before and ":" for "=", does not show empty or repeated sections,
 * returns the first error only, and takes a read error for the end of the file. So it reads through
 * next_line(), which looks at every physical line first, complains about what it does not like and
 * shows inih an empty line in its stead.
 */

/* What inih, as distributions build it, keeps of a line and of a section name. */
#define LINE_BYTES_MAX    198
#define SECTION_BYTES_MAX 49

enum section {
	SECTION_NONE,    /* before the first one */
	SECTION_UNKNOWN, /* complained about already */
	SECTION_DAEMON,
	SECTION_KERNEL,
	SECTION_STATS,
	SECTION_POLICY,
};

struct seen {
	char *name; /* first, for sorted_by_name() */
	unsigned int line;
};

struct parser {
	struct config *config;
	struct report *report;
	const char *file;
	const char *next, *end;
	unsigned int line;
	enum section section;
	struct policy *policy;
	/* What this file has had so far, to find duplicates. */
	struct sorted sections, keys;
	struct sorted matches; /* of the policy, as add_match() has them */
	bool out_of_memory;
};

static _printf_(2, 3) void complain(struct parser *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report_addv(p->report, REPORT_ERROR, p->file, p->line, fmt, ap);
	va_end(ap);
}

static const char *const mode_words[] = {
	[MODE_KEEP] = "keep",
	[MODE_PMD] = "pmd",
	[MODE_ZSWAP] = "zswap",
	[MODE_NONE] = "none",
	NULL,
};

const char *mode_name(enum mode mode)
{
	return mode_words[mode];
}

struct config *config_new(void)
{
	struct config *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->log_level = LOG_INFO;
	c->taskstats = true;
	c->stats_interval = 1;
	return c;
}

static void policy_clear_matches(struct policy *p, enum match_type type)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_matches; i++) {
		if (p->matches[i].type == type)
			free(p->matches[i].glob);
		else
			p->matches[n++] = p->matches[i];
	}
	p->n_matches = n;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_policies; i++) {
		policy_clear_matches(c->policies[i], MATCH_UNIT);
		policy_clear_matches(c->policies[i], MATCH_CGROUP);
		free(c->policies[i]->matches);
		free(c->policies[i]->name);
		free(c->policies[i]);
	}
	free(c->policies);
	sorted_clear(&c->by_name);
	for (size_t i = 0; i < N_MATCH_TYPES; i++)
		sorted_clear(&c->exact[i]);
	sorted_clear(&c->globs);
	for (size_t i = 0; i < c->n_files; i++)
		free(c->files[i]);
	free(c->files);
	free(c);
}

/* Remember a name. Returns the line on which it was seen before, or 0. */
static unsigned int see(struct parser *p, struct sorted *list, const char *name)
{
	const struct seen *before = sorted_find(list, name, sorted_by_name);
	struct seen *new;

	if (before)
		return before->line;
	new = calloc(1, sizeof(*new));
	if (new) {
		new->name = strdup(name);
		new->line = p->line;
	}
	if (new &&new->name && sorted_insert(list, name, sorted_by_name, new) >= 0)
		return 0;
	if (new)
		free(new->name);
	free(new);
	p->out_of_memory = true;
	return 0;
}

static void forget(struct sorted *list)
{
	for (size_t i = 0; i < list->n; i++) {
		struct seen *s = list->v[i];

		free(s->name);
		free(s);
	}
	sorted_clear(list);
}

static struct policy *get_policy(struct parser *p, const char *name)
{
	struct config *c = p->config;
	struct policy *found = sorted_find(&c->by_name, name, sorted_by_name), **grown, *new;

	if (found)
		return found;
	grown = array_room(c->policies, c->n_policies, &c->policies_allocated, sizeof(*grown));
	if (!grown)
		return NULL;
	c->policies = grown;
	new = calloc(1, sizeof(*new));
	if (!new)
		return NULL;
	new->name = strdup(name);
	if (!new->name || sorted_insert(&c->by_name, name, sorted_by_name, new) < 0) {
		free(new->name);
		free(new);
		return NULL;
	}
	new->index = c->n_policies;
	new->origin = (struct origin){ p->file, p->line };
	new->zswap_max = LIMIT_MAX;
	new->zswap_writeback = true;
	c->policies[c->n_policies++] = new;
	return new;
}

/*
 * A section that is wrong in one way is entered as if it were right, as far as it is known which
 * one is meant: what else is wrong in it is said in the same go.
 */
static void enter_section(struct parser *p, const char *name)
{
	const char *key = name;
	unsigned int before;

	forget(&p->keys);
	sorted_clear(&p->matches);
	p->policy = NULL;
	p->section = SECTION_UNKNOWN;

	if (strcmp(name, "daemon") == 0) {
		p->section = SECTION_DAEMON;
	} else if (strcmp(name, "kernel") == 0) {
		p->section = SECTION_KERNEL;
	} else if (strcmp(name, "stats") == 0) {
		p->section = SECTION_STATS;
	} else if (strcmp(name, "policy") == 0 || strncmp(name, "policy ", 7) == 0) {
		const char *policy = name + strlen("policy");

		policy += strspn(policy, " ");
		if (!*policy)
			complain(p, "a policy needs a name: [policy NAME]");
		else if (policy[strspn(policy, "abcdefghijklmnopqrstuvwxyz"
					       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					       "0123456789_.-")])
			complain(p, "policy name '%s': use letters, digits, '_', '.' and '-'",
				 policy);
		else
			key = policy - 1; /* with one blank before it, however many there are */
		p->section = SECTION_POLICY;
		p->policy = get_policy(p, policy);
		if (!p->policy)
			p->out_of_memory = true;
	} else {
		complain(p,
			 "unknown section [%s]; there are [daemon], [kernel], [stats] and "
			 "[policy NAME]",
			 name);
		return;
	}

	before = see(p, &p->sections, key);
	if (before)
		complain(p, "section [%s] is a duplicate of the one in line %u; put them together",
			 name, before);
}

static void look_at_section(struct parser *p, char *line)
{
	char *close = strchr(line, ']'), *rest;
	size_t len;

	if (!close) {
		complain(p, "'%s' lacks the closing ']'", line);
		close = line + strlen(line);
	} else {
		rest = close + 1 + strspn(close + 1, " \t");
		if (*rest && *rest != ';' && *rest != '#')
			complain(p, "'%s' after the section name; a setting starts on its own line",
				 rest);
	}
	*close = '\0';
	len = strlen(line + 1);
	if (len > SECTION_BYTES_MAX)
		complain(p, "section name of %zu bytes is too long; at most %d", len,
			 SECTION_BYTES_MAX);
	enter_section(p, line + 1);
}

/* inih takes a ';' after a blank for the start of a comment; in a name it may be meant. */
static bool is_cut(struct parser *p, const char *line)
{
	const char *key_end = line + strcspn(line, " \t=");
	size_t len = key_end - line;

	if (!(len == 4 && strncmp(line, "unit", len) == 0) &&
	    !(len == 6 && strncmp(line, "cgroup", len) == 0))
		return false;
	if (!strstr(line, " ;") && !strstr(line, "\t;"))
		return false;
	complain(
		p,
		"'%s': a comment goes on a line of its own; for a blank that is part of a name say "
		"'?'",
		line);
	if (p->policy)
		p->policy->match_refused = true;
	return true;
}

/* Look at one physical line without its end. True if inih may see it as it is. */
static bool look_at_line(struct parser *p, char *line, size_t len)
{
	/* What comes with a text that was copied, and makes a right line look right and be wrong.
	 */
	static const struct {
		const char *bytes, *name;
	} unseen[] = {
		{ "\xc2\xa0", "no-break space (U+00A0)" },
		{ "\xe2\x80\xaf", "narrow no-break space (U+202F)" },
		{ "\xe2\x80\x8b", "zero width space (U+200B)" },
		{ "\xef\xbb\xbf", "byte order mark (U+FEFF)" },
	};
	const char *separator;

	if (memchr(line, '\0', len)) {
		complain(p, "NUL byte in the line; this is no text file");
		return false;
	}
	if (len > LINE_BYTES_MAX) {
		complain(p, "line of %zu bytes is too long; at most %d", len, LINE_BYTES_MAX);
		return false;
	}
	if (!text_is_utf8(line, len)) {
		complain(p, "line is not valid UTF-8");
		return false;
	}
	while (len > 0 && strchr(" \t\r\f\v", line[len - 1]))
		line[--len] = '\0';
	if (*line == '\0' || *line == '#' || *line == ';')
		return false;
	if (strchr(" \t\f\v", *line)) {
		/* An indented comment harms nobody; inih would take it for part of the value above.
		 */
		const char *text = line + strspn(line, " \t\f\v");

		if (*text != '#' && *text != ';')
			complain(p, "indented line; continuation lines are not supported, "
				    "start it in the first column");
		return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(unseen); i++) {
		if (strstr(line, unseen[i].bytes)) {
			complain(p, "%s in the line; type it again without", unseen[i].name);
			return false;
		}
	}
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)line[i] < ' ' && line[i] != '\t') {
			complain(p, "control character 0x%02x in the line", line[i]);
			return false;
		}
	}
	if (*line == '[') {
		look_at_section(p, line);
		return false;
	}
	separator = strpbrk(line, "=:");
	if (!separator) {
		complain(p, "'%s' is neither a [SECTION] nor KEY = VALUE", line);
		return false;
	}
	if (*separator == ':') {
		complain(p, "separate key and value with '=', not ':'");
		return false;
	}
	if (separator == line) {
		complain(p, "there is no key before '='");
		return false;
	}
	return !is_cut(p, line);
}

/* The fgets() of inih: called for each physical line. */
static char *next_line(char *buf, int size, void *userdata)
{
	struct parser *p = userdata;
	_cleanup_free_ char *line = NULL;
	const char *newline;
	size_t len;

	if (p->next == p->end)
		return NULL;
	newline = memchr(p->next, '\n', p->end - p->next);
	len = (newline ?: p->end) - p->next;
	p->line++;
	strcpy(buf, "\n");

	line = malloc(len + 1);
	if (line) {
		memcpy(line, p->next, len);
		line[len] = '\0';
		if (look_at_line(p, line, len)) {
			/* Only if somebody built inih with shorter lines than its default. */
			if (strlen(line) + 2 > (size_t)size)
				complain(p, "line is too long for the inih of this system");
			else
				sprintf(buf, "%s\n", line);
		}
	} else {
		p->out_of_memory = true;
	}
	p->next = newline ? newline + 1 : p->end;
	return buf;
}

/* What else may be wrong with a value that is none. */
static const char *hint(const char *value)
{
	return strpbrk(value, "#;") ? "; a comment goes on a line of its own" : "";
}

/* The index of a word in a list that ends with NULL, or -1 after a complaint. */
static int parse_word(struct parser *p, const char *key, const char *value,
		      const char *const *words)
{
	char all[80] = "";

	for (int i = 0; words[i]; i++) {
		if (strcmp(words[i], value) == 0)
			return i;
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s",
			 i == 0         ? ""
			 : words[i + 1] ? ", "
					: " or ",
			 words[i]);
	}
	complain(p, "%s = %s: must be %s%s", key, value, all, hint(value));
	return -1;
}

/* 1 for yes or on, 0 for no or off, and where that is allowed 2 for keep; -1 after a complaint. */
static int parse_switch(struct parser *p, const char *key, const char *value, bool may_keep)
{
	static const char *const words[] = { "no", "yes", "off", "on", "keep" };

	for (int i = 0; i < 4 + may_keep; i++)
		if (strcmp(words[i], value) == 0)
			return i < 4 ? i % 2 : 2;
	complain(p, "%s = %s: must be %s%s", key, value,
		 may_keep ? "keep, off or on" : "no or yes, or off or on", hint(value));
	return -1;
}

static bool parse_integer(const char *value, long min, long max, long *ret)
{
	char *end;

	if (!*value || strchr(" \t+", *value))
		return false;
	errno = 0;
	*ret = strtol(value, &end, 10);
	return !errno && !*end && *ret >= min && *ret <= max;
}

static void set_zswap_max(struct parser *p, const char *value)
{
	static const char units[] = "KMGT";
	uint64_t number, factor = 1, page = sysconf(_SC_PAGESIZE);
	const char *unit;
	char *end;

	p->policy->zswap_max_origin = (struct origin){ p->file, p->line };
	if (strcmp(value, "max") == 0) {
		p->policy->zswap_max = LIMIT_MAX;
		return;
	}
	errno = 0;
	number = strtoull(value, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (unit) {
		factor <<= 10 * (unit - units + 1);
		end++;
	}
	if (*value < '0' || *value > '9' || *end) {
		complain(p, "zswap-max = %s: must be max or bytes, with K, M, G or T if wanted%s",
			 value, hint(value));
	} else if (errno || __builtin_mul_overflow(number, factor, &number) || number > INT64_MAX) {
		complain(p, "zswap-max = %s: too large; say max for no limit", value);
	} else if (number > 0 && number < page) {
		complain(p, "zswap-max = %s: less than a page (%ju bytes) is 0 to the kernel",
			 value, (uintmax_t)page);
	} else {
		p->policy->zswap_max = number;
	}
}

#define WILDCARDS "*?["

static bool is_exact(const char *glob)
{
	return !strpbrk(glob, WILDCARDS);
}

/* What follows the last wildcard of a pattern. */
static const char *end_of_glob(const char *glob)
{
	const char *end = glob;

	for (const char *p = glob; *p; p++)
		if (strchr(WILDCARDS "]", *p))
			end = p + 1;
	return end;
}

/* Whether each '[' has its ']', which may be the first character between them, too. */
static bool brackets_are_closed(const char *glob)
{
	while ((glob = strchr(glob, '['))) {
		glob += 1 + (glob[1] == '!' || glob[1] == '^');
		/* Nothing between brackets matches a '/'. */
		glob = *glob ? strpbrk(glob + 1, "]/") : NULL;
		if (!glob || *glob == '/')
			return false;
	}
	return true;
}

static bool check_unit(struct parser *p, const char *glob)
{
	if (strchr(glob, '/')) {
		complain(p,
			 "unit = %s: a unit has no '/' in its name; for a path say cgroup =", glob);
	} else if (glob[strspn(glob, UNIT_NAME_CHARACTERS WILDCARDS "]!^")]) {
		complain(p,
			 "unit = %s: a unit has only letters, digits and :-_.\\@ in its name; each "
			 "unit, and a comment, goes on a line of its own",
			 glob);
	} else if (is_exact(glob) ? !unit_has_cgroup_suffix(glob)
				  : !unit_may_end_with(end_of_glob(glob))) {
		complain(p,
			 "unit = %s: must end in .service, .slice, .scope, .socket, .mount or "
			 ".swap",
			 glob);
	} else if (!brackets_are_closed(glob)) {
		complain(p, "unit = %s: there is no ']' to the '['", glob);
	} else if (strstr(glob, "@.")) {
		complain(p, "unit = %s: a template has no cgroup; its instances are %.*s@*%s", glob,
			 (int)(strstr(glob, "@.") - glob), glob, strstr(glob, "@.") + 1);
	} else {
		return true;
	}
	return false;
}

/* Whether a pattern looks like two, or like one and a comment. */
static bool has_more_behind_a_blank(const char *glob)
{
	while ((glob = strpbrk(glob, " \t"))) {
		glob += strspn(glob, " \t");
		if (*glob == '/' || *glob == '#')
			return true;
	}
	return false;
}

static bool check_cgroup(struct parser *p, const char *glob)
{
	size_t len = strlen(glob);

	if (strncmp(glob, "/sys/fs/cgroup", 14) == 0 && (!glob[14] || glob[14] == '/')) {
		complain(p, "cgroup = %s: the path starts below the mount point: say %s", glob,
			 glob[14] ? glob + 14 : "/");
	} else if (*glob != '/') {
		complain(p, "cgroup = %s: must start with '/'", glob);
	} else if (len > 1 && glob[len - 1] == '/') {
		complain(p, "cgroup = %s: must not end with '/'", glob);
	} else if (strstr(glob, "//") || strstr(glob, "/./") || strstr(glob, "/../") ||
		   (len >= 2 && strcmp(glob + len - 2, "/.") == 0) ||
		   (len >= 3 && strcmp(glob + len - 3, "/..") == 0)) {
		complain(p, "cgroup = %s: must have no empty, '.' or '..' part", glob);
	} else if (!brackets_are_closed(glob)) {
		complain(p, "cgroup = %s: there is no ']' to the '['", glob);
	} else if (has_more_behind_a_blank(glob)) {
		complain(
			p,
			"cgroup = %s: each cgroup, and a comment, goes on a line of its own; for a "
			"blank that is part of the name say '?'",
			glob);
	} else {
		return true;
	}
	return false;
}

struct match_key {
	enum match_type type;
	const char *glob;
	const struct policy *policy;
};

/* Elements are indices of matches, one more than they are, since matches move. */
static int compare_match(const void *key, const void *element)
{
	const struct match_key *k = key;
	const struct match *m = &k->policy->matches[(uintptr_t)element - 1];

	return (int)k->type - (int)m->type ?: strcmp(k->glob, m->glob);
}

/* The matches that earlier files gave to a policy are looked up, too. */
static void index_matches(struct parser *p)
{
	const struct policy *policy = p->policy;

	sorted_clear(&p->matches);
	for (size_t i = 0; i < policy->n_matches; i++) {
		const struct match *m = &policy->matches[i];

		if (sorted_insert(&p->matches, &(struct match_key){ m->type, m->glob, policy },
				  compare_match, (void *)(uintptr_t)(i + 1)) < 0)
			p->out_of_memory = true;
	}
}

static void add_match(struct parser *p, enum match_type type, const char *glob)
{
	struct policy *policy = p->policy;
	const struct match_key key = { type, glob, policy };
	struct match *grown;
	uintptr_t found;

	/* As in unit files: an empty value takes back what files before this one said. */
	if (!*glob) {
		policy_clear_matches(policy, type);
		sorted_clear(&p->matches);
		return;
	}
	if (!(type == MATCH_UNIT ? check_unit(p, glob) : check_cgroup(p, glob))) {
		policy->match_refused = true;
		return;
	}
	if (p->matches.n != policy->n_matches)
		index_matches(p);
	found = (uintptr_t)sorted_find(&p->matches, &key, compare_match);
	if (found) {
		const struct match *m = &policy->matches[found - 1];
		bool here = strcmp(m->origin.file, p->file) == 0;

		/* A drop-in may be older than what it adds to. */
		report_add(p->report, here ? REPORT_ERROR : REPORT_WARNING, p->file, p->line,
			   "%s = %s is a duplicate of %s:%u",
			   type == MATCH_UNIT ? "unit" : "cgroup", glob, m->origin.file,
			   m->origin.line);
		return;
	}
	grown = array_room(policy->matches, policy->n_matches, &policy->matches_allocated,
			   sizeof(*grown));
	if (grown) {
		policy->matches = grown;
		grown[policy->n_matches] = (struct match){
			.type = type,
			.exact = is_exact(glob),
			.glob = strdup(glob),
			.origin = { p->file, p->line },
		};
	}
	if (!grown || !grown[policy->n_matches].glob) {
		p->out_of_memory = true;
		return;
	}
	policy->n_matches++;
	if (sorted_insert(&p->matches, &key, compare_match, (void *)(uintptr_t)policy->n_matches) <
	    0)
		p->out_of_memory = true;
}

static bool set_daemon(struct parser *p, const char *key, const char *value)
{
	static const char *const level_words[] = {
		"err", "warning", "notice", "info", "debug", NULL
	};
	static const char *const drift_words[] = { "reapply", "warn", NULL };
	static const char *const restore_words[] = { "never", "on-stop", NULL };
	int i;

	if (strcmp(key, "log-level") == 0) {
		i = parse_word(p, key, value, level_words);
		if (i >= 0)
			p->config->log_level = LOG_ERR + i;
	} else if (strcmp(key, "on-drift") == 0) {
		i = parse_word(p, key, value, drift_words);
		if (i >= 0)
			p->config->on_drift = i;
	} else if (strcmp(key, "restore") == 0) {
		i = parse_word(p, key, value, restore_words);
		if (i >= 0)
			p->config->restore_on_stop = i;
	} else {
		return false;
	}
	return true;
}

/* A setting of the kernel as a word; "keep" comes first. */
static int parse_kernel_word(struct parser *p, enum setting s, const char *key, const char *value)
{
	const char *words[16] = { "keep" };
	const char *const *all = setting_words(s);

	for (size_t i = 0; all[i] && i + 2 < ARRAY_SIZE(words); i++)
		words[i + 1] = all[i];
	return parse_word(p, key, value, words);
}

static bool set_kernel(struct parser *p, const char *key, const char *value)
{
	int s = setting_from_name(key), word;
	bool managed = false;
	long number = 0;

	if (s < 0 || s >= N_KERNEL_SETTINGS)
		return false;
	p->config->kernel[s].origin = (struct origin){ p->file, p->line };
	if (s == SETTING_ZSWAP_MAX_POOL_PERCENT || s == SETTING_ZSWAP_ACCEPT_THRESHOLD_PERCENT) {
		managed = strcmp(value, "keep") != 0;
		if (managed && !parse_integer(value, 1, 100, &number)) {
			complain(p, "%s = %s: must be keep or a number from 1 to 100%s", key, value,
				 hint(value));
			return true;
		}
	} else if (setting_words(s)) {
		word = parse_kernel_word(p, s, key, value);
		if (word < 0)
			return true;
		managed = word > 0;
		number = word - 1;
	} else {
		number = parse_switch(p, key, value, true);
		if (number < 0)
			return true;
		managed = number < 2;
	}
	p->config->kernel[s].managed = managed;
	p->config->kernel[s].value = managed ? number : 0;
	return true;
}

static bool set_stats(struct parser *p, const char *key, const char *value)
{
	int i;

	if (strcmp(key, "taskstats") == 0) {
		i = parse_switch(p, key, value, false);
		if (i >= 0)
			p->config->taskstats = i;
	} else if (strcmp(key, "interval") == 0) {
		if (!text_parse_seconds(value, 3600, &p->config->stats_interval))
			complain(p,
				 "interval = %s: must be a time from 1s to 1h, in s, min or h; "
				 "without a unit it is seconds%s",
				 value, hint(value));
	} else {
		return false;
	}
	return true;
}

static bool set_policy(struct parser *p, const char *key, const char *value)
{
	int i;

	if (strcmp(key, "unit") == 0) {
		add_match(p, MATCH_UNIT, value);
	} else if (strcmp(key, "cgroup") == 0) {
		add_match(p, MATCH_CGROUP, value);
	} else if (strcmp(key, "mode") == 0) {
		p->policy->mode_origin = (struct origin){ p->file, p->line };
		i = parse_word(p, key, value, mode_words);
		p->policy->mode_known = i >= 0;
		p->policy->mode = i >= 0 ? (enum mode)i : MODE_KEEP;
	} else if (strcmp(key, "zswap-max") == 0) {
		set_zswap_max(p, value);
	} else if (strcmp(key, "zswap-writeback") == 0) {
		p->policy->zswap_writeback_origin = (struct origin){ p->file, p->line };
		i = parse_switch(p, key, value, false);
		if (i >= 0)
			p->policy->zswap_writeback = i;
	} else if (strcmp(key, "priority") == 0) {
		long number;

		if (parse_integer(value, -1000000, 1000000, &number))
			p->policy->priority = number;
		else
			complain(p, "priority = %s: must be a number from -1000000 to 1000000%s",
				 value, hint(value));
	} else {
		return false;
	}
	return true;
}

/* The handler of inih: called for each KEY = VALUE that next_line() let through. */
static int on_setting(void *userdata, const char *section, const char *key, const char *value)
{
	static const char *const known[] = {
		[SECTION_DAEMON] = "log-level, on-drift and restore",
		[SECTION_KERNEL] = "swap-pmd, zswap, zswap-shrinker, zswap-compressor, "
				   "zswap-max-pool-percent and zswap-accept-threshold-percent",
		[SECTION_STATS] = "taskstats and interval",
		[SECTION_POLICY] = "unit, cgroup, mode, zswap-max, zswap-writeback and priority",
	};
	struct parser *p = userdata;
	bool repeatable = p->section == SECTION_POLICY &&
			  (strcmp(key, "unit") == 0 || strcmp(key, "cgroup") == 0);
	unsigned int before;
	bool found = false;

	if (p->section == SECTION_UNKNOWN)
		return 1;
	if (p->section == SECTION_NONE) {
		complain(p,
			 "%s stands before the first section; put it below [daemon], "
			 "[kernel], [stats] or [policy NAME]",
			 key);
		return 1;
	}
	if (!*value && !repeatable) {
		complain(p, "%s has no value", key);
		return 1;
	}
	before = repeatable ? 0 : see(p, &p->keys, key);
	if (before)
		complain(p, "%s is a duplicate of line %u; remove one of them", key, before);

	if (p->section == SECTION_DAEMON)
		found = set_daemon(p, key, value);
	else if (p->section == SECTION_KERNEL)
		found = set_kernel(p, key, value);
	else if (p->section == SECTION_STATS)
		found = set_stats(p, key, value);
	else if (p->policy)
		found = set_policy(p, key, value);
	if (!found && !before)
		complain(p, "unknown key %s; there are %s", key, known[p->section]);
	return 1;
}

int conf_parse(struct config *c, const char *file, const char *text, size_t size,
	       struct report *report)
{
	struct parser p = {
		.config = c,
		.report = report,
		.next = text,
		.end = text + size,
	};
	char **files;
	int r;

	files = reallocarray(c->files, c->n_files + 1, sizeof(*files));
	if (!files)
		return -ENOMEM;
	c->files = files;
	files[c->n_files] = strdup(file);
	if (!files[c->n_files])
		return -ENOMEM;
	p.file = files[c->n_files++];

	if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		p.next += 3;

	r = ini_parse_stream(next_line, &p, on_setting, &p);
	if (r > 0) {
		p.line = r;
		complain(&p, "inih does not understand the line");
	} else if (r < 0) {
		p.out_of_memory = true;
	}
	forget(&p.sections);
	forget(&p.keys);
	sorted_clear(&p.matches);
	return p.out_of_memory ? -ENOMEM : 0;
}

/* Whether a match is only of cgroups below a user@UID.service. */
static bool lies_below_user_manager(const struct match *m)
{
	const char *user = m->type == MATCH_CGROUP ? strstr(m->glob, "/user@") : NULL;

	return user && strchr(user + 1, '/');
}

static void finish_policy(const struct policy *p, struct report *report)
{
	const struct origin *max = &p->zswap_max_origin, *writeback = &p->zswap_writeback_origin;

	if (!p->mode_origin.line)
		report_add(report, REPORT_ERROR, p->origin.file, p->origin.line,
			   "[policy %s] has no mode; add mode = pmd, zswap, none or keep", p->name);
	if (p->n_matches == 0 && !p->match_refused)
		report_add(report, REPORT_ERROR, p->origin.file, p->origin.line,
			   "[policy %s] matches nothing; add unit = GLOB or cgroup = /GLOB",
			   p->name);
	for (size_t i = 0; i < p->n_matches; i++) {
		const struct match *m = &p->matches[i];
		bool is_root = strcmp(m->glob, "/") == 0 || strcmp(m->glob, "-.slice") == 0;

		if (p->mode == MODE_PMD && is_root)
			report_add(report, REPORT_ERROR, m->origin.file, m->origin.line,
				   "the root cgroup has no memory.zswap.max; for the whole system "
				   "say zswap = off in [kernel]");
		if (p->mode == MODE_ZSWAP && is_root && max->line)
			report_add(report, REPORT_WARNING, max->file, max->line,
				   "zswap-max has no effect on the root cgroup, which has no "
				   "memory.zswap.max; for the whole system say "
				   "zswap-max-pool-percent in [kernel]");
		if (p->mode != MODE_KEEP && lies_below_user_manager(m))
			report_add(
				report, REPORT_WARNING, m->origin.file, m->origin.line,
				"%s belongs to the manager of a user, which sets back what others "
				"write; name its user@UID.service instead",
				m->glob);
	}
	/* One mistake, one error: nobody knows which settings go with the mode that is meant. */
	if (!p->mode_known)
		return;
	if (p->mode == MODE_ZSWAP) {
		if (max->line && p->zswap_max == 0)
			report_add(report, REPORT_ERROR, max->file, max->line,
				   "zswap-max = 0 keeps everything out of zswap: say mode = pmd");
		return;
	}
	if (max->line)
		report_add(report, REPORT_WARNING, max->file, max->line,
			   "zswap-max has no effect with mode = %s", mode_name(p->mode));
	if (!writeback->line)
		return;
	if (p->mode == MODE_PMD && !p->zswap_writeback)
		report_add(report, REPORT_ERROR, writeback->file, writeback->line,
			   "mode = pmd with zswap-writeback = no could not swap at all; remove one "
			   "of them");
	else
		report_add(report, REPORT_WARNING, writeback->file, writeback->line,
			   "zswap-writeback has no effect with mode = %s", mode_name(p->mode));
}

static int index_config(struct config *c)
{
	int r = 0;

	for (size_t i = 0; i < c->n_policies; i++) {
		struct policy *p = c->policies[i];

		for (size_t k = 0; r >= 0 && k < p->n_matches; k++) {
			struct match *m = &p->matches[k];
			struct sorted *list = m->exact ? &c->exact[m->type] : &c->globs;

			m->policy = p;
			c->names_units |= m->type == MATCH_UNIT;
			r = sorted_insert(list, m->glob, sorted_by_name, m);
		}
	}
	return r;
}

int conf_finish(struct config *c, struct report *report)
{
	for (size_t i = 0; i < c->n_policies; i++)
		finish_policy(c->policies[i], report);
	return index_config(c);
}
