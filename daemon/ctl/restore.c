// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "ctl/bus.h"
#include "ctl/live.h"
#include "policy/text.h"
#include "policy/unit.h"
#include "system/apply.h"
#include "system/cgroupfs.h"
#include "system/fs.h"

/* Everything is to be given back without the daemon. */
struct restore {
	struct live live;
	struct plan plan;
	size_t changes, failed;
	bool denied;
	FILE *to; /* where to say what is left */
	const char *prefix;
};

static void restore_clear(struct restore *r)
{
	plan_clear(&r->plan);
	live_close(&r->live);
}

static void say_left(const struct restore *r, const char *cgroup, enum setting s)
{
	_cleanup_free_ char *name = NULL;

	name = cgroup ? text_escaped(cgroup) : NULL;
	fprintf(r->to, "%s%s%s%s was changed by somebody else and is not given back\n", r->prefix,
		name ?: "", name ? ": " : "", setting_name(s));
}

/* Read the state and plan to give back all of it. EXIT_OK, or the code to exit with. */
static enum exit_code make_plan(struct restore *r)
{
	struct live *l = &r->live;
	_cleanup_(config_freep) struct config *nothing = config_new();
	int e = nothing ? 0 : -ENOMEM;

	for (int s = 0; e >= 0 && s < N_KERNEL_SETTINGS; s++) {
		struct decision d;

		e = decide_kernel(nothing, &l->state, &l->host, s, &d);
		if (e < 0)
			break;
		if (d.outcome == OUTCOME_DRIFTED)
			say_left(r, NULL, s);
		e = plan_move(&r->plan, &d.plan);
		decision_clear(&d);
	}
	/* Those below a cgroup before it. */
	for (size_t i = l->state.records.n; e >= 0 && i-- > 0;) {
		const struct record *record = l->state.records.v[i];

		if (!record->cgroup)
			continue;
		e = look_and_give_back(l->root_fd, l->pid1, &l->state, record, &r->plan);
		if (e > 0)
			say_left(r, record->cgroup, record->setting);
	}
	plan_keep_a_way_out(&r->plan);
	return e < 0 ? ctl_fail(e, "cannot work out what to give back") : EXIT_OK;
}

/* Print a word for the shell, which may be any bytes. */
static void print_quoted(const char *word)
{
	bool plain = true;

	for (const char *p = word; *p; p++)
		plain &= *p >= ' ' && *p < 0x7f;
	if (!word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			       "/._-@:+,=")]) {
		fputs(word, stdout);
		return;
	}
	fputs(plain ? "'" : "\"$(printf '", stdout);
	for (; *word; word++) {
		if (!plain && (*word < ' ' || *word >= 0x7f || strchr("\\%'", *word)))
			printf("\\%03o", (unsigned char)*word);
		else if (*word == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*word);
	}
	fputs(plain ? "'" : "')\"", stdout);
}

static enum exit_code print_command(const struct plan_item *item)
{
	char text[SETTING_TEXT_MAX];
	_cleanup_free_ char *file = NULL, *path = NULL;

	setting_format(item->setting, item->to, text);
	if (item->as_property) {
		const char *value = strcmp(text, "max") == 0 ? "infinity" : text;

		fputs("systemctl set-property --runtime ", stdout);
		print_quoted(unit_of_cgroup(item->cgroup));
		printf(" %s=%s\n", setting_property(item->setting), value);
		return EXIT_OK;
	}
	if (item->cgroup)
		file = cgroupfs_path(item->cgroup, setting_path(item->setting));
	path = text_format("/%s", file ?: setting_path(item->setting));
	if (!path || (item->cgroup && !file))
		return ctl_fail(-ENOMEM, "cannot print");
	printf("echo %s >", text);
	print_quoted(path);
	putchar('\n');
	return EXIT_OK;
}

static enum exit_code print_commands(struct restore *r)
{
	bool through_pid1 = false;
	enum exit_code code;

	r->to = stdout;
	r->prefix = "# ";
	code = live_read_state(&r->live);
	if (code == EXIT_OK)
		code = make_plan(r);
	for (size_t i = 0; code == EXIT_OK && i < r->plan.n; i++)
		through_pid1 |= plan_item_writes(&r->plan.items[i]) && r->plan.items[i].as_property;
	/* pmdswapd cannot tell it from what anybody else set by hand. */
	if (through_pid1)
		printf("# Properties that are set by hand outrank policies from then on; "
		       "\"pmdswapctl\n"
		       "# restore\" without --print does not have that effect.\n");
	for (size_t i = 0; code == EXIT_OK && i < r->plan.n; i++)
		if (plan_item_writes(&r->plan.items[i]))
			code = print_command(&r->plan.items[i]);
	if (code == EXIT_OK && plan_count_writes(&r->plan) == 0)
		printf("# Nothing to give back\n");
	return code;
}

static void on_result(void *userdata, const struct plan_item *item, int error, const char *why)
{
	_cleanup_free_ char *text = plan_item_format(item);
	struct restore *r = userdata;

	if (item->cgroup && cgroupfs_is_gone(error))
		return;
	if (error >= 0) {
		r->changes++;
		printf("%s\n", text ?: setting_name(item->setting));
		state_written(&r->live.state, item);
		return;
	}
	r->failed++;
	r->denied |= error == -EACCES || error == -EPERM || error == -EROFS;
	fprintf(stderr, "pmdswapctl: %s: failed: %s\n", text ?: setting_name(item->setting), why);
}

static int carry_out(struct restore *r)
{
	_cleanup_(sd_event_unrefp) sd_event *event = NULL;
	struct applier *applier = NULL;
	int e = state_prepare(&r->live.state, &r->plan);

	if (e >= 0)
		e = state_save(&r->live.state, r->live.root_fd);
	if (e >= 0)
		e = sd_event_new(&event);
	if (e >= 0 && r->live.bus)
		e = sd_bus_attach_event(r->live.bus, event, SD_EVENT_PRIORITY_NORMAL);
	if (e >= 0)
		e = applier_new(&applier, event, r->live.root_fd, on_result, r);
	if (e < 0)
		return e;
	applier_run(applier, r->live.pid1, &r->plan);
	while (e >= 0 && applier_busy(applier))
		e = sd_event_run(event, UINT64_MAX);
	pid1_free(TAKE_PTR(r->live.pid1));
	applier_free(applier);
	return e < 0 ? e : state_save(&r->live.state, r->live.root_fd);
}

static enum exit_code restore_here(struct restore *r)
{
	_cleanup_close_ int lock = -1;
	enum exit_code code;
	int e;

	if (!fs_exists(r->live.root_fd, STATE_PATH)) {
		printf("Nothing to give back\n");
		return EXIT_OK;
	}
	lock = state_lock(r->live.root_fd);
	if (lock == -EWOULDBLOCK) {
		fprintf(stderr, "pmdswapctl: pmdswapd is starting or stopping; try again\n");
		return EXIT_FAILED;
	}
	if (lock < 0)
		return ctl_fail(lock, "/" LOCK_PATH);
	r->to = stderr;
	r->prefix = "pmdswapctl: ";
	code = live_read_state(&r->live);
	if (code == EXIT_OK)
		code = make_plan(r);
	if (code != EXIT_OK)
		return code;
	e = carry_out(r);
	if (e < 0)
		return ctl_fail(e, "cannot give back");
	printf("Given back: %zu change%s, %zu failed\n", r->changes, PLURAL_S(r->changes),
	       r->failed);
	if (r->denied)
		return EXIT_PERMISSION;
	return r->failed ? EXIT_FAILED : EXIT_OK;
}

enum exit_code ctl_restore(const struct ctl *x, const char *argument)
{
	_cleanup_(restore_clear) struct restore restore = {};
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *daemon = NULL;
	enum exit_code code = live_open(x, &restore.live);
	int r;

	if (code != EXIT_OK)
		return code;
	if (x->print)
		return print_commands(&restore);
	if (ctl_open_for_polkit(x, &daemon) >= 0)
		return ctl_call_change(daemon, "Restore", "Given back");
	r = ctl_open(restore.live.root_fd, CHANGE_TIMEOUT_USEC, &daemon);
	if (r == -ECONNREFUSED)
		return restore_here(&restore);
	if (r < 0)
		return ctl_fail(r, "cannot connect to pmdswapd");
	return ctl_call_change(daemon, "Restore", "Given back");
}
