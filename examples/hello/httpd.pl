#!/usr/bin/perl
# The web server of the hello image where no C compiler is at hand: what httpd.c does, with perl-base, a process for each
# connection. See httpd.c for the paths and the environment.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use POSIX ();

my $version = $ENV{HELLO_VERSION} || 'unknown';
my $port = $ENV{PORT} || 8080;
my %reasons = (200 => 'OK', 400 => 'Bad Request', 404 => 'Not Found', 405 => 'Method Not Allowed', 503 => 'Service Unavailable');
# What clients are told, and what holds: a second more, for a request that is already on its way.
my $keep_alive_seconds = 5;
my $idle_ms = $keep_alive_seconds * 1000 + 1000;
my $stopping = 0;
$| = 1;
my $leader = $$;
$SIG{TERM} = $SIG{INT} = sub {
  return if $stopping;
  $stopping = time_ms();
  kill 'TERM', -$leader if $$ == $leader;
};
$SIG{PIPE} = 'IGNORE';
# Ended children are not kept; waitpid still waits for the others.
$SIG{CHLD} = 'IGNORE';

sub time_ms { my ($seconds, $ticks) = (0, (POSIX::times())[0]); return int($ticks * 1000 / POSIX::sysconf(POSIX::_SC_CLK_TCK())) }

sub message {
  open(my $file, '<', $ENV{MESSAGE_FILE} || '/etc/hello/message') or return '-';
  my $line = <$file>;
  return defined $line && $line =~ /^(.{1,500})/ ? $1 : '-';
}

sub page {
  my $host = (POSIX::uname())[1];
  my $token = defined $ENV{HELLO_TOKEN} ? 'set' : 'not set';
  my $title = 'Hello from Nocher' . ($version eq '1' ? '' : ", version $version");
  return "$title\npod: $host\nversion: $version\ngreeting: " . ($ENV{GREETING} || '-') . "\nmessage: " . message() . "\ntoken: $token\n";
}

sub answer {
  my ($line) = @_;
  my ($method, $path, $query) = $line =~ m{^([A-Z]+) ([^ ?]*)(?:\?(\S*))? HTTP/1\.} or return (400, "bad request\n");
  return (405, "only GET and HEAD\n") unless $method eq 'GET' || $method eq 'HEAD';
  return (200, page()) if $path eq '/';
  return $stopping ? (503, "stopping\n") : (200, "ok\n") if $path eq '/healthz';
  return (404, "not found\n") unless $path eq '/slow';
  my $ms = ($query || '') =~ /^ms=(\d{1,9})/ ? $1 : 1000;
  $ms = 60000 if $ms > 60000;
  my $end = time_ms() + $ms;
  # A signal ends select early: what is in flight is finished all the same.
  while ((my $left = $end - time_ms()) > 0) { select(undef, undef, undef, $left / 1000) }
  return (200, "waited $ms ms\n");
}

# The next request's head, or undef when there will be none.
sub next_head {
  my ($client, $buffer) = @_;
  my $select = IO::Select->new($client);
  my $idle_since = time_ms();
  my $end;
  while (($end = index($$buffer, "\r\n\r\n")) < 0) {
    return undef if length $$buffer > 8192 || time_ms() - $idle_since > $idle_ms;
    $select->can_read(0.1) or next;
    my $got = sysread($client, $$buffer, 8192, length $$buffer);
    return undef if defined $got ? $got == 0 : !$!{EINTR};
  }
  return substr($$buffer, 0, $end + 4, '');
}

sub serve {
  my ($client) = @_;
  my ($buffer, $keep) = ('', 1);
  while ($keep && defined(my $head = next_head($client, \$buffer))) {
    my $started = time_ms();
    my ($line) = $head =~ /^([^\r\n]{0,255})/;
    my ($status, $body) = answer($line);
    $keep = !$stopping && $status != 405 && $status != 400 && $line =~ m{ HTTP/1\.1$} && $head !~ /^(connection: *close|transfer-encoding:|content-length: *[1-9])/mi;
    my $connection = $keep ? "keep-alive\r\nKeep-Alive: timeout=$keep_alive_seconds" : 'close';
    my $length = length $body;
    my $response = "HTTP/1.1 $status $reasons{$status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: $length\r\nConnection: $connection\r\n\r\n";
    $response .= $body unless $line =~ /^HEAD /;
    print $client $response;
    $client->flush;
    (my $shown = $line) =~ tr/\x20-\x21\x23-\x7e/?/c;
    print $client->peerhost, " \"$shown\" $status $length ", time_ms() - $started, "ms\n";
  }
}

# Children are told to stop as a group.
setpgrp(0, 0);
my $listener = IO::Socket::INET->new(LocalPort => $port, Listen => 1024, ReuseAddr => 1) or do {
  print STDERR "cannot listen on port $port: $!\n";
  exit 1;
};
print "hello version $version listening on port $port\n";
my $select = IO::Select->new($listener);
until ($stopping && time_ms() > $stopping + 500) {
  $select->can_read(0.1) or next;
  my $client = $listener->accept or next;
  my $pid = fork;
  if (defined $pid && $pid == 0) {
    close $listener;
    serve($client);
    close $client;
    POSIX::_exit(0);
  }
  close $client;
}
close $listener;
1 while waitpid(-1, 0) > 0 || $!{EINTR};
print "stopped\n";
