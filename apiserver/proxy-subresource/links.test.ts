/** Links that lead through the proxy again, in headers and in documents. */
import { describe, expect, it } from '@jest/globals';
import { HtmlLinks, withLinks } from './html-links.ts';
import { throughProxy } from './links.ts';

const CONTEXT = { prefix: '/api/v1/namespaces/a/pods/web/proxy', backendHost: '10.0.0.5:80', requestHost: 'api:6443' };
const P = CONTEXT.prefix;

describe('throughProxy()', () => {
  it.each([
    ['/x/y?q=1#z', `${P}/x/y?q=1#z`],
    ['/', `${P}/`],
    ['x/y', 'x/y'],
    ['', ''],
    ['#top', '#top'],
    ['?page=2', '?page=2'],
    ['http://10.0.0.5:80/x', `${P}/x`],
    ['//10.0.0.5:80/x', `${P}/x`],
    ['https://api:6443/x', `https://api:6443${P}/x`],
    [`https://api:6443${P}/x`, `https://api:6443${P}/x`],
    [`${P}/x`, `${P}/x`],
    [`${P}y`, `${P}${P}y`],
    ['http://10.0.0.5/x', 'http://10.0.0.5/x'],
    ['https://example.com/x', 'https://example.com/x'],
    ['//example.com/x', '//example.com/x'],
    ['mailto:a@b', 'mailto:a@b'],
    ['javascript:go("/x")', 'javascript:go("/x")'],
  ])('makes of %s %s', (link, expected) => {
    expect(throughProxy(link, CONTEXT)).toBe(expected);
  });
});

describe('HtmlLinks', () => {
  const through = (text: string, size = text.length || 1): string => {
    const links = new HtmlLinks((link) => link.replace(/^\//, '/P/'));
    let passed = '';
    for (let at = 0; at < text.length; at += size) passed += links.push(text.slice(at, at + size));
    return passed + links.end();
  };

  const CASES: [string, string][] = [
    ['<a href="/x">y</a>', '<a href="/P/x">y</a>'],
    ["<A CLASS=b HREF='/x'  >", "<A CLASS=b HREF='/P/x'  >"],
    ['<a href=/x>', '<a href=/P/x>'],
    ['<a\nhref = "/x" title="> /y">', '<a\nhref = "/P/x" title="> /y">'],
    ['<img src="/a" longdesc="/b" alt="/c"/>', '<img src="/P/a" longdesc="/P/b" alt="/c"/>'],
    ['<form action="/go"><input formaction="/f">', '<form action="/P/go"><input formaction="/P/f">'],
    [
      '<script src="/s">"<a href=\'/no\'>"</script><a href="/x">',
      '<script src="/P/s">"<a href=\'/no\'>"</script><a href="/P/x">',
    ],
    ['<style>a<b</style><link href="/l">', '<style>a<b</style><link href="/P/l">'],
    ['<!-- <a href="/no"> --><a href="/x">', '<!-- <a href="/no"> --><a href="/P/x">'],
    ['<!--><a href="/x">', '<!--><a href="/P/x">'],
    ['<!doctype html><a href="/x">', '<!doctype html><a href="/P/x">'],
    ['1 < 2 <<a href="/x">', '1 < 2 <<a href="/P/x">'],
    ['<script></scr</script><a href="/x">', '<script></scr</script><a href="/P/x">'],
    ['<p href="/no" data-href="/no">', '<p href="/no" data-href="/no">'],
    ['<a data-href="/no" xhref=/no>', '<a data-href="/no" xhref=/no>'],
    ['<a href="/never', '<a href="/never'],
    ['<constructor href="/x">', '<constructor href="/x">'],
    ['<', '<'],
  ];

  it.each(CASES)('makes of %s %s, in one piece and letter by letter', (text, expected) => {
    expect([through(text), through(text, 1), through(text, 3)]).toEqual([expected, expected, expected]);
  });

  it('passes a tag without end on, and holds no more than that back', () => {
    const links = new HtmlLinks(() => 'no');
    const tag = `<a href="${'x'.repeat(100_000)}`;
    let passed = 0;
    for (const character of tag) passed += links.push(character).length;
    expect(passed).toBeGreaterThan(60_000);
    expect(passed + links.end().length).toBe(tag.length);
  });

  it('is done with a tag of one long name', () => {
    // From every character of each name to its end would be 10^11 looks.
    const text = `<a ${'x'.repeat(60_000)}>`.repeat(100);
    expect(through(text)).toBe(text);
  });
});

describe('withLinks()', () => {
  it('keeps every byte that it does not understand', async () => {
    const bytes = Buffer.concat([Buffer.from('é<a href="/é">'), Buffer.from([0xff, 0xfe, 0x80, 0x00])]);
    async function* pieces() {
      for (const byte of bytes) yield Uint8Array.of(byte);
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of withLinks(pieces(), (link) => `/P${link}`)) chunks.push(chunk);
    const expected = [Buffer.from('é<a href="/P/é">'), Buffer.from([0xff, 0xfe, 0x80, 0x00])];
    expect(Buffer.concat(chunks)).toEqual(Buffer.concat(expected));
  });
});
