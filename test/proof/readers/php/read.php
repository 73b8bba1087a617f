<?php
// phpdotenv, unmodified.
//
// The argument is a folder with the classes of phpdotenv and of its two libraries. Each line of
// standard input is the text of a file as JSON. The answer to each is one line, {"values"} or
// {"error"}. Variables in the environment do not replace values of the file.
$folder = $argv[1];
spl_autoload_register(fn (string $class) => require "$folder/" . strtr($class, '\\', '/') . '.php');

$path = tempnam(sys_get_temp_dir(), 'env');
$environment = [$_ENV, $_SERVER];
while (($line = fgets(STDIN)) !== false) {
    file_put_contents($path, json_decode($line));
    [$_ENV, $_SERVER] = $environment;
    try {
        $values = Dotenv\Dotenv::createMutable(dirname($path), basename($path))->load();
        $answer = ['values' => (object) $values];
    } catch (Dotenv\Exception\InvalidFileException $error) {
        $answer = ['error' => 'phpdotenv gives the file up'];
    }
    echo json_encode($answer, JSON_INVALID_UTF8_SUBSTITUTE), "\n";
}
unlink($path);
