// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sysexits.h>

#include "service/log.h"
#include "service/run.h"

/*
 * As in the Linux Standard Base, which systemd knows by name; EX_CONFIG is for a wrong
 * configuration.
 */
#define EXIT_USAGE      2
#define EXIT_PERMISSION 4

static const char help[] = "Usage: pmdswapd [OPTIONS]\n"
			   "Decide, cgroup by cgroup, who swaps whole THPs and who uses zswap.\n"
			   "\n"
			   "      --once     apply the configuration and exit\n"
			   "      --root DIR work on the files below DIR, for tests\n"
			   "  -h, --help     show this help\n"
			   "  -V, --version  show the version\n"
			   "\n"
			   "Configuration: /etc/pmdswapd.conf, see pmdswapd.conf(5).\n";

int main(int argc, char **argv)
{
	enum {
		OPT_ONCE = 256,
		OPT_ROOT,
	};
	static const struct option options[] = {
		{ "once", no_argument, NULL, OPT_ONCE },
		{ "root", required_argument, NULL, OPT_ROOT },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{},
	};
	_cleanup_(manager_freep) struct manager *m = NULL;
	const char *root = "/";
	bool once = false;
	int c, r;

	while ((c = getopt_long(argc, argv, "hV", options, NULL)) >= 0) {
		switch (c) {
		case OPT_ONCE:
			once = true;
			break;
		case OPT_ROOT:
			root = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			return fflush(stdout) == EOF ? EXIT_FAILURE : EXIT_SUCCESS;
		case 'V':
			puts("pmdswapd " PMDSWAP_VERSION);
			return fflush(stdout) == EOF ? EXIT_FAILURE : EXIT_SUCCESS;
		default:
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "pmdswapd: unexpected argument '%s'; see pmdswapd --help\n",
			argv[optind]);
		return EXIT_USAGE;
	}

	log_open();
	if (strcmp(root, "/") == 0 && geteuid() != 0) {
		log_error("Must run as root, since it writes to /sys; see pmdswapctl(1) for what "
			  "needs no root");
		return EXIT_PERMISSION;
	}
	r = manager_new(&m, root, once);
	if (r >= 0)
		r = manager_run(m);
	if (r == -EBADMSG)
		return EX_CONFIG;
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
