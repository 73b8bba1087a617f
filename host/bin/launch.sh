# `sh host/bin/launch.sh FILE …`, for the scripts of package.json: starts launch.js under the user's
# Node, which runs npm, if that is new enough. Otherwise it starts the first Node on the PATH that
# npm sets, which is the one in node_modules. That one is not started needlessly, because some
# systems cannot run it, for example a Debian without libatomic1.
version=${npm_config_user_agent##*node/v}
major=${version%%.*}
rest=${version#*.}
minor=${rest%%.*}
node=node
# If another package manager runs this, the variable may name that program, which contains its own
# Node and cannot stand in for one. So only a program called node is used.
if [ "${npm_node_execpath##*/}" = node ]; then
  if [ "$major" -gt 24 ] || { [ "$major" -eq 24 ] && [ "$minor" -ge 15 ]; }; then node=$npm_node_execpath; fi
fi 2>/dev/null
exec "$node" host/bin/launch.js "$@"
