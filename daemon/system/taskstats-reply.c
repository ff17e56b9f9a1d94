// SPDX-License-Identifier: GPL-2.0
#include "system/taskstats-reply.h"

#include <errno.h>
#include <linux/taskstats.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <string.h>

#include "policy/cleanup.h"

/*
 * Offsets in struct taskstats, on every architecture. The struct of the kernel that answers is
 * another than that of the headers here: it may be longer or shorter, and headers of version 15
 * would be wrong for all others. Versions add fields at the end; 15 broke that, 16 mended it.
 */
#define VERSION_WRONG  15
#define OFFSET_VERSION 0
#define OFFSET_NAME    80
#define OFFSET_AGE     144
static const size_t offsets[N_DELAYS] = {
	[DELAY_BLKIO] = 32, [DELAY_SWAPIN] = 48, [DELAY_THRASHING] = 328, /* since version 9 */
};

/* Counts of the other delays that are accounted by process: freepages, compact, wpcopy, irq. */
static const size_t other_counts[] = { 312, 352, 400, 416 };
#define OFFSET_WPCOPY_COUNT 400 /* since version 13 */

/* False if the struct is too short to have the field. */
static bool get_u64(const char *stats, size_t size, size_t offset, uint64_t *ret)
{
	if (size < offset + sizeof(*ret))
		return false;
	memcpy(ret, stats + offset, sizeof(*ret));
	return true;
}

/* 0 if the struct is of a version that is understood. */
static int check_version(const char *stats, size_t size)
{
	uint16_t version;

	if (size < OFFSET_VERSION + sizeof(version))
		return -EBADMSG;
	memcpy(&version, stats + OFFSET_VERSION, sizeof(version));
	return version == VERSION_WRONG ? -EPROTONOSUPPORT : 0;
}

/* The attributes that a reply about a process, or about a thread, has in it. */
struct kind {
	int all, id;
};

static int find_in_message(struct nlmsghdr *header, const struct kind *kind, uint32_t pid,
			   struct nlattr **ret)
{
	struct nlattr *all, *id, *stats;

	if (header->nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *e = nlmsg_data(header);

		if (nlmsg_datalen(header) < (int)sizeof(*e) || e->error > 0)
			return -EBADMSG;
		return e->error < 0 ? e->error : -ENOMSG; /* 0: an acknowledgement */
	}
	if (!genlmsg_valid_hdr(header, 0) || genlmsg_hdr(header)->cmd != TASKSTATS_CMD_NEW)
		return -EBADMSG;
	all = nla_find(genlmsg_attrdata(genlmsg_hdr(header), 0),
		       genlmsg_attrlen(genlmsg_hdr(header), 0), kind->all);
	if (!all)
		return -EBADMSG;
	id = nla_find(nla_data(all), nla_len(all), kind->id);
	stats = nla_find(nla_data(all), nla_len(all), TASKSTATS_TYPE_STATS);
	if (!id || nla_len(id) < (int)sizeof(uint32_t) || nla_get_u32(id) != pid || !stats)
		return -EBADMSG;
	*ret = stats;
	return check_version(nla_data(stats), nla_len(stats));
}

static int find_stats(const void *datagram, int size, uint32_t sequence, const struct kind *kind,
		      uint32_t pid, const char **ret, size_t *ret_size)
{
	struct nlattr *stats;
	int r = -ENOMSG;

	/* libnl only reads, though it does not say so. */
	for (struct nlmsghdr *h = (void *)datagram; r == -ENOMSG && size > 0;
	     h = nlmsg_next(h, &size)) {
		if (!nlmsg_ok(h, size))
			return -EBADMSG;
		if (h->nlmsg_seq == sequence)
			r = find_in_message(h, kind, pid, &stats);
	}
	if (r < 0)
		return r;
	*ret = nla_data(stats);
	*ret_size = nla_len(stats);
	return 0;
}

int taskstats_reply_parse_delays(const void *datagram, size_t size, uint32_t sequence, uint32_t pid,
				 struct delays *ret)
{
	static const struct kind process = { TASKSTATS_TYPE_AGGR_TGID, TASKSTATS_TYPE_TGID };
	const char *stats;
	int r = find_stats(datagram, size, sequence, &process, pid, &stats, &size);
	uint64_t count;

	if (r < 0)
		return r;
	*ret = (struct delays){};
	/* A struct that does not tell of wpcopy cannot tell who is not accounted. */
	ret->accounted = !get_u64(stats, size, OFFSET_WPCOPY_COUNT, &count);
	for (size_t i = 0; i < ARRAY_SIZE(other_counts); i++)
		ret->accounted |= get_u64(stats, size, other_counts[i], &count) && count > 0;
	for (int d = 0; d < N_DELAYS; d++) {
		ret->of[d].known =
			get_u64(stats, size, offsets[d], &ret->of[d].count) &&
			get_u64(stats, size, offsets[d] + sizeof(uint64_t), &ret->of[d].total);
		if (!ret->of[d].known)
			ret->of[d].count = 0;
		ret->accounted |= ret->of[d].count > 0;
	}
	return 0;
}

int taskstats_reply_parse_thread(const void *datagram, size_t size, uint32_t sequence, uint32_t pid,
				 struct process_info *ret)
{
	static const struct kind thread = { TASKSTATS_TYPE_AGGR_PID, TASKSTATS_TYPE_PID };
	const char *stats;
	int r = find_stats(datagram, size, sequence, &thread, pid, &stats, &size);

	if (r < 0)
		return r;
	/* There is no version without them. */
	if (!get_u64(stats, size, OFFSET_AGE, &ret->age_usec))
		return -EBADMSG;
	memcpy(ret->name, stats + OFFSET_NAME, sizeof(ret->name) - 1);
	ret->name[sizeof(ret->name) - 1] = '\0';
	return 0;
}
