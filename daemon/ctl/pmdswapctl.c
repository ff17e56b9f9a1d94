// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sys/ioctl.h>

#include "ctl/ctl.h"
#include "policy/text.h"

/* Options that only some commands take; of those of a command there is a set of bits. */
enum {
	FULL,
	PRINT,
	JSON,
	PROMETHEUS,
	ONCE,
	INTERVAL,
	STATE,
	N_OPTIONS,
};

enum {
	OPTION_FULL = 1 << FULL,
	OPTION_PRINT = 1 << PRINT,
	OPTION_JSON = 1 << JSON,
	OPTION_PROMETHEUS = 1 << PROMETHEUS,
	OPTION_ONCE = 1 << ONCE,
	OPTION_INTERVAL = 1 << INTERVAL,
	OPTION_STATE = 1 << STATE,
};

/* What getopt_long() returns for the first one without a letter. */
#define LONG_ONLY 256

static const struct option options[] = {
	[FULL] = { "full", no_argument, NULL, LONG_ONLY + FULL },
	[PRINT] = { "print", no_argument, NULL, LONG_ONLY + PRINT },
	[JSON] = { "json", no_argument, NULL, LONG_ONLY + JSON },
	[PROMETHEUS] = { "prometheus", no_argument, NULL, LONG_ONLY + PROMETHEUS },
	[ONCE] = { "once", no_argument, NULL, LONG_ONLY + ONCE },
	[INTERVAL] = { "interval", required_argument, NULL, LONG_ONLY + INTERVAL },
	[STATE] = { "state", required_argument, NULL, LONG_ONLY + STATE },
	{ "root", required_argument, NULL, 'r' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{},
};

static const struct command {
	const char *name;
	const char *argument; /* as --help shows it; NULL: takes none */
	unsigned int options; /* that it takes */
	enum exit_code (*run)(const struct ctl *x, const char *argument);
	const char *summary[4]; /* lines */
} commands[] = {
	{ "status",
	  NULL,
	  OPTION_FULL | OPTION_JSON,
	  ctl_status,
	  { "show settings, policies and cgroups; exit 1 if anything is not",
	    "as the configuration wants it" } },
	{ "list",
	  "[GLOB]",
	  OPTION_FULL | OPTION_JSON | OPTION_STATE,
	  ctl_list,
	  { "show each cgroup that has a policy, what it has, what comes of it",
	    "and its counters; with GLOB, units or cgroups that match it" } },
	{ "explain",
	  "CGROUP",
	  OPTION_FULL | OPTION_JSON,
	  ctl_explain,
	  { "show why a cgroup, or a unit, has the policy that it has, and what",
	    "comes of it; needs no daemon" } },
	{ "check",
	  "[FILE]",
	  OPTION_JSON,
	  ctl_check,
	  { "check the configuration, or one file alone, \"-\" for standard",
	    "input; needs no daemon" } },
	{ "plan",
	  NULL,
	  OPTION_FULL | OPTION_JSON,
	  ctl_plan,
	  { "show what a reload would change; needs no daemon" } },
	{ "verify",
	  NULL,
	  OPTION_FULL | OPTION_JSON,
	  ctl_verify,
	  { "compare the system with the configuration; exit 1 if anything",
	    "differs; needs no daemon" } },
	{ "reload",
	  NULL,
	  0,
	  ctl_reload,
	  { "make the daemon read its configuration again; exit 1 with the",
	    "reasons if it refuses" } },
	{ "restore",
	  NULL,
	  OPTION_PRINT,
	  ctl_restore,
	  { "give back what was there before the daemon came, except where",
	    "somebody else has changed it since; needs no daemon" } },
	{ "stats",
	  NULL,
	  OPTION_FULL | OPTION_JSON | OPTION_PROMETHEUS,
	  ctl_stats,
	  { "show what the kernel counts of swap, and how long processes had to", "wait for it" } },
	{ "top",
	  NULL,
	  OPTION_FULL | OPTION_ONCE | OPTION_INTERVAL,
	  ctl_top,
	  { "show who waits for swap most, again and again; q quits" } },
	{ "support",
	  NULL,
	  OPTION_FULL,
	  ctl_support,
	  { "print one text for a bug report; needs no daemon" } },
};

static const char usage[] = "Usage: pmdswapctl [OPTIONS] COMMAND\n"
			    "Control pmdswapd and look at what it does.\n"
			    "\n"
			    "Commands:\n";

static const char options_help[] =
	"\n"
	"Options:\n"
	"  -l, --full      do not cut long names\n"
	"      --json      print JSON\n"
	"      --prometheus\n"
	"                  stats: for the textfile collector of node_exporter\n"
	"      --interval TIME\n"
	"                  top: seconds between two refreshes, or 1min (2)\n"
	"      --once      top: show one interval and end\n"
	"      --state LIST\n"
	"                  list: only these, such as failed,drifted,blocked\n"
	"      --print     restore: show the commands instead\n"
	"      --root DIR  work on the files below DIR, for tests\n"
	"  -h, --help      show this help\n"
	"  -V, --version   show the version\n";

static void print_help(FILE *f)
{
	fputs(usage, f);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct command *c = &commands[i];
		int width =
			fprintf(f, "  %s%s%s", c->name, c->argument ? " " : "", c->argument ?: "");

		for (size_t k = 0; k < ARRAY_SIZE(c->summary) && c->summary[k]; k++, width = 0)
			fprintf(f, "%*s%s\n", 18 - width, "", c->summary[k]);
	}
	fputs(options_help, f);
}

/* Find out how the output is to look. */
static void look_at_terminal(struct ctl *x)
{
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
	struct winsize size;

	if (!isatty(STDOUT_FILENO))
		return;
	x->colour = !(no_colour && *no_colour) && term && strcmp(term, "dumb") != 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) >= 0 && size.ws_col > OUTPUT_WIDTH)
		x->width = size.ws_col;
}

/* What nobody got to see is no success. */
static enum exit_code end_output(enum exit_code code)
{
	if ((fflush(stdout) == EOF || ferror(stdout)) && code == EXIT_OK)
		code = ctl_fail(errno ? -errno : -EIO, "cannot write to standard output");
	return code;
}

static enum exit_code run(const struct command *c, const struct ctl *x, unsigned int given,
			  int n_arguments, char **arguments)
{
	for (size_t i = 0; i < N_OPTIONS; i++) {
		if (!(given & ~c->options & 1U << i))
			continue;
		fprintf(stderr, "pmdswapctl: %s does not take --%s; see pmdswapctl --help\n",
			c->name, options[i].name);
		return EXIT_USAGE;
	}
	if (n_arguments > (c->argument != NULL)) {
		fprintf(stderr, "pmdswapctl: too many arguments for %s; see pmdswapctl --help\n",
			c->name);
		return EXIT_USAGE;
	}
	if (c->argument && c->argument[0] != '[' && n_arguments == 0) {
		fprintf(stderr, "pmdswapctl: %s needs %s; see pmdswapctl --help\n", c->name,
			c->argument);
		return EXIT_USAGE;
	}
	return end_output(c->run(x, arguments[0]));
}

int main(int argc, char **argv)
{
	struct ctl x = { .root = "/", .width = OUTPUT_WIDTH, .interval = 2 };
	bool *const flags[N_OPTIONS] = {
		[FULL] = &x.full, [PRINT] = &x.print,
		[JSON] = &x.json, [PROMETHEUS] = &x.prometheus,
		[ONCE] = &x.once,
	};
	unsigned int given = 0;
	int c;

	look_at_terminal(&x);
	while ((c = getopt_long(argc, argv, "hlV", options, NULL)) >= 0) {
		if (c == 'l')
			c = LONG_ONLY + FULL;
		if (c >= LONG_ONLY) {
			given |= 1U << (c - LONG_ONLY);
			if (flags[c - LONG_ONLY])
				*flags[c - LONG_ONLY] = true;
		}
		switch (c) {
		case LONG_ONLY + INTERVAL:
			if (text_parse_seconds(optarg, 3600, &x.interval))
				break;
			fprintf(stderr,
				"pmdswapctl: --interval %s: must be a time from 1s to 1h, like 5 "
				"or 1min\n",
				optarg);
			return EXIT_USAGE;
		case LONG_ONLY + STATE:
			x.states = optarg;
			break;
		case 'r':
			x.root = optarg;
			break;
		case 'h':
			print_help(stdout);
			return end_output(EXIT_OK);
		case 'V':
			puts("pmdswapctl " PMDSWAP_VERSION);
			return end_output(EXIT_OK);
		case '?':
			return EXIT_USAGE;
		}
	}
	if (x.full)
		x.width = 0;
	if (optind == argc) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(argv[optind], commands[i].name) == 0)
			return run(&commands[i], &x, given, argc - optind - 1, argv + optind + 1);
	fprintf(stderr, "pmdswapctl: unknown command '%s'; see pmdswapctl --help\n", argv[optind]);
	return EXIT_USAGE;
}
