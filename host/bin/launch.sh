# `sh host/bin/launch.sh FILE …`, for the scripts of package.json: starts launch.js under the user's
# Node, which runs npm, if that is new enough. Otherwise npm's PATH decides: the Node of
# node_modules is first there. That one is not always usable, on a Debian without libatomic1 for
# example, so it does not even start where it is not needed.
version=${npm_config_user_agent##*node/v}
major=${version%%.*}
rest=${version#*.}
minor=${rest%%.*}
node=node
# Another package manager may be a program that contains its Node.
case ${npm_node_execpath##*/} in
  node | node.exe)
    if [ "$major" -gt 24 ] || { [ "$major" -eq 24 ] && [ "$minor" -ge 15 ]; }; then node=$npm_node_execpath; fi
    ;;
esac 2>/dev/null
exec "$node" host/bin/launch.js "$@"
