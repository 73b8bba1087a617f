# The gem dotenv, unmodified.
#
# The argument is a folder with the gem. Each line of standard input is the text of a file as JSON.
# The answer to each is one line, {"values"} or {"error"}. Variables in the environment do not
# replace values of the file.
Encoding.default_external = Encoding::UTF_8

require "json"
require "tempfile"
$LOAD_PATH.unshift(*Dir[File.join(ARGV.fetch(0), "**/gems/dotenv-*/lib")])
ARGV.clear
require "dotenv"

file = Tempfile.new("env")
$stdin.each_line do |line|
  File.write(file.path, JSON.parse(line))
  answer =
    begin
      {values: Dotenv.parse(file.path, overwrite: true)}
    rescue Dotenv::FormatError => error
      {error: error.message}
    end
  puts JSON.generate(answer)
end
