#!/bin/sh
# Process 1 of the test kernel: mounts what programs expect, runs the command that boot.ts left in the exchange folder,
# leaves its output and exit status there, and powers off. The root is the host's, read-only. /run is empty, and /tmp is
# the host's under a layer of memory: it can be written to, and a checkout that lies in it is found.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
exchange=$HAWSER_EXCHANGE # unknown words of a kernel's command line become its first process's environment

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs tmpfs /run
mkdir /run/tmp /run/tmp/upper /run/tmp/work
mount -t overlay -o lowerdir=/tmp,upperdir=/run/tmp/upper,workdir=/run/tmp/work tmp /tmp
mount -t hostfs -o "$exchange" exchange "$exchange"
ip link set lo up

sh "$exchange/command" </dev/null >"$exchange/stdout" 2>"$exchange/stderr"
echo $? >"$exchange/status"
umount "$exchange"
busybox poweroff -f
