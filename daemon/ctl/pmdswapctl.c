// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sys/ioctl.h>

#include "ctl/ctl.h"
#include "policy/text.h"

/* Options that only some commands take, as bits and by their names. */
enum {
	OPTION_FULL = 1 << 0,
	OPTION_PRINT = 1 << 1,
	OPTION_JSON = 1 << 2,
	OPTION_PROMETHEUS = 1 << 3,
	OPTION_ONCE = 1 << 4,
	OPTION_INTERVAL = 1 << 5,
	OPTION_STATE = 1 << 6,
};

static const char *const option_names[] = { "--full", "--print",    "--json", "--prometheus",
					    "--once", "--interval", "--state" };

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
	for (size_t i = 0; i < ARRAY_SIZE(option_names); i++) {
		if (!(given & ~c->options & 1U << i))
			continue;
		fprintf(stderr, "pmdswapctl: %s does not take %s; see pmdswapctl --help\n", c->name,
			option_names[i]);
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
	enum {
		OPT_JSON = 256,
		OPT_PROMETHEUS,
		OPT_ONCE,
		OPT_INTERVAL,
		OPT_PRINT,
		OPT_ROOT,
		OPT_STATE,
	};
	static const struct option options[] = {
		{ "full", no_argument, NULL, 'l' },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "prometheus", no_argument, NULL, OPT_PROMETHEUS },
		{ "once", no_argument, NULL, OPT_ONCE },
		{ "interval", required_argument, NULL, OPT_INTERVAL },
		{ "print", no_argument, NULL, OPT_PRINT },
		{ "root", required_argument, NULL, OPT_ROOT },
		{ "state", required_argument, NULL, OPT_STATE },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{},
	};
	struct ctl x = { .root = "/", .width = OUTPUT_WIDTH, .interval = 2 };
	unsigned int given = 0;
	int c;

	look_at_terminal(&x);
	while ((c = getopt_long(argc, argv, "hlV", options, NULL)) >= 0) {
		switch (c) {
		case 'l':
			given |= OPTION_FULL;
			x.full = true;
			x.width = 0;
			break;
		case OPT_JSON:
			given |= OPTION_JSON;
			x.json = true;
			break;
		case OPT_PROMETHEUS:
			given |= OPTION_PROMETHEUS;
			x.prometheus = true;
			break;
		case OPT_ONCE:
			given |= OPTION_ONCE;
			x.once = true;
			break;
		case OPT_INTERVAL:
			given |= OPTION_INTERVAL;
			if (text_parse_seconds(optarg, 3600, &x.interval))
				break;
			fprintf(stderr,
				"pmdswapctl: --interval %s: must be a time from 1s to 1h, like 5 "
				"or 1min\n",
				optarg);
			return EXIT_USAGE;
		case OPT_PRINT:
			given |= OPTION_PRINT;
			x.print = true;
			break;
		case OPT_ROOT:
			x.root = optarg;
			break;
		case OPT_STATE:
			given |= OPTION_STATE;
			x.states = optarg;
			break;
		case 'h':
			print_help(stdout);
			return end_output(EXIT_OK);
		case 'V':
			puts("pmdswapctl " PMDSWAP_VERSION);
			return end_output(EXIT_OK);
		default:
			return EXIT_USAGE;
		}
	}
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
