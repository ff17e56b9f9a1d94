// SPDX-License-Identifier: GPL-2.0
#include "ctl/bus.h"

#include <errno.h>
#include <string.h>

#include "system/fs.h"
#include "system/interface.h"
#include "system/peer.h"
#include "system/state-file.h"

int ctl_open(int root_fd, uint64_t timeout_usec, sd_bus **ret)
{
	_cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
	int r = peer_connect(root_fd, RUNTIME_DIRECTORY, CONTROL_NAME, &bus);

	if (r >= 0)
		r = peer_wait(bus, timeout_usec);
	/* Of all calls that do not say otherwise. */
	if (r >= 0)
		r = sd_bus_set_method_call_timeout(bus, QUERY_TIMEOUT_USEC);
	if (r < 0)
		return r == -ENOENT ? -ECONNREFUSED : r;
	*ret = TAKE_PTR(bus);
	return 0;
}

int ctl_open_for_polkit(const struct ctl *x, sd_bus **ret)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *direct = NULL;
	_cleanup_close_ int root_fd = fs_open_root(x->root);
	int r;

	if (geteuid() == 0 || strcmp(x->root, "/") != 0)
		return -ENOENT;
	/* The bus knows no more of a daemon that does not run than that nobody has its name. */
	r = root_fd < 0 ? root_fd : ctl_open(root_fd, CHANGE_TIMEOUT_USEC, &direct);
	return r < 0 ? r : sd_bus_open_system(ret);
}

enum exit_code ctl_connect(const struct ctl *x, uint64_t timeout_usec, sd_bus **ret)
{
	_cleanup_close_ int root_fd = fs_open_root(x->root);
	int r;

	if (root_fd < 0)
		return ctl_fail(root_fd, x->root);
	r = ctl_open(root_fd, timeout_usec, ret);
	/* It lets everybody in, except who has too many connections. */
	if (r == -ECONNRESET || r == -ENOTCONN || r == -EPIPE) {
		fprintf(stderr, "pmdswapctl: pmdswapd turned the connection away, since this user "
				"or all together have too many; try again in a moment\n");
		return EXIT_BUSY;
	}
	if (r == -ETIMEDOUT)
		return ctl_call_failed(&SD_BUS_ERROR_NULL, r);
	if (r != -ECONNREFUSED)
		return r < 0 ? ctl_fail(r, "cannot connect to pmdswapd") : EXIT_OK;
	fprintf(stderr, "pmdswapctl: pmdswapd is not running, or its socket was removed; start it "
			"with \"systemctl restart pmdswapd\"\n");
	return EXIT_NOT_RUNNING;
}

enum exit_code ctl_call_failed(const sd_bus_error *error, int r)
{
	/* The daemon stopped, or closed a connection too many. */
	if (r == -ECONNRESET || r == -ENOTCONN || r == -EPIPE) {
		fprintf(stderr, "pmdswapctl: pmdswapd closed the connection; it is stopping\n");
		return EXIT_NOT_RUNNING;
	}
	if (r == -ETIMEDOUT) {
		fprintf(stderr, "pmdswapctl: pmdswapd did not answer in time; see \"journalctl -u "
				"pmdswapd\"\n");
		return EXIT_FAILED;
	}
	fprintf(stderr, "pmdswapctl: %s\n", error->message ?: strerror(-r));
	if (sd_bus_error_has_name(error, SD_BUS_ERROR_LIMITS_EXCEEDED))
		return EXIT_BUSY;
	return sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED) ? EXIT_PERMISSION
									: EXIT_FAILED;
}

int ctl_get_property(sd_bus *bus, const char *name, const char *type, sd_bus_message **ret)
{
	return sd_bus_get_property(bus, NULL, BUS_PATH, BUS_INTERFACE, name, NULL, ret, type);
}
