#!/bin/sh
# switch.sh DIRECTORY database|datapath: Open vSwitch of a site, with its userspace datapath. Runs inside the site.
#
# DIRECTORY keeps its database. The external bridge and its one port are put into it before the datapath starts;
# the integration bridge and all else are made by Neutron's agent.
set -eu
dir=$1
run=/run/openvswitch
case $2 in
database)
    mkdir -p "$dir"
    [ -e "$dir/conf.db" ] || ovsdb-tool create "$dir/conf.db" /usr/share/openvswitch/vswitch.ovsschema
    exec ovsdb-server "$dir/conf.db" "--remote=punix:$run/db.sock" \
        --remote=db:Open_vSwitch,Open_vSwitch,manager_options \
        "--unixctl=$run/ovsdb-server.ctl" "--pidfile=$run/ovsdb-server.pid"
    ;;
datapath)
    until ovs-vsctl --no-wait init; do sleep 0.2; done
    ovs-vsctl --no-wait -- --may-exist add-br br-ex -- set bridge br-ex datapath_type=netdev \
        -- --may-exist add-port br-ex ext0
    exec ovs-vswitchd "unix:$run/db.sock" "--unixctl=$run/ovs-vswitchd.ctl" "--pidfile=$run/ovs-vswitchd.pid"
    ;;
esac
