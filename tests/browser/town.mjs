// The town under test: where it is, and how a page of a certain sort is found in it.
//
// The harness starts a town and sets the variables; by hand it goes like this:
//   yagura up --data /tmp/town            (prints the addresses and the accounts)
//   PUBLIC_URL=https://localhost:8443 STAFF_URL=https://staff.localhost:8443 \
//   STAFF_LOGIN=… STAFF_PASSWORD=… node --test tests/browser/*.test.mjs

import assert from 'node:assert/strict';
import { required } from './browser.mjs';

/** The public site, without a slash at the end. */
export const PUBLIC = required('PUBLIC_URL').replace(/\/$/, '');
/** The staff's site, without a slash at the end. */
export const STAFF = required('STAFF_URL').replace(/\/$/, '');
/** The staff's site as somebody outside the city hall reaches it. */
export const OUTSIDE = process.env.OUTSIDE_URL?.replace(/\/$/, '');

/** The kinds of pages, as listings are filtered by them. */
export const KINDS = ['article', 'procedure', 'facility', 'event', 'faq'];

/** Words that no page has. */
export const NO_SUCH_WORDS = 'ヌルヌルペンギン鉄道';

/** Opens a path of the public site, which must answer with `status`. */
export async function visit(page, path, status = 200) {
  const response = await page.goto(PUBLIC + path);
  assert.equal(response.status(), status, `${path} answered ${response.status()}`);
  return response;
}

/** Path of the first page of a kind in the listing of `category`. */
export async function pageOfKind(page, kind, category = 'kurashi') {
  await visit(page, `/${category}/?kind=${kind}`);
  return firstLink(page, '.teaser-title', `/${category}/ lists no page of the kind ${kind}`);
}

/** Where the first link that `selector` finds on this page leads. */
export async function firstLink(page, selector, otherwise) {
  const link = page.locator(selector).first();
  assert.ok((await link.count()) > 0, otherwise ?? `${page.url()} has no ${selector}`);
  return link.getAttribute('href');
}

/** The paths of all pages in the sitemap. */
export async function allPaths(context) {
  const answer = await context.request.get(`${PUBLIC}/sitemap.xml`);
  assert.equal(answer.status(), 200, 'the sitemap');
  const places = [...(await answer.text()).matchAll(/<loc>([^<]+)<\/loc>/g)];
  const paths = places.map(([, url]) => new URL(url).pathname);
  return paths.filter((path) => path.endsWith('.html'));
}

/** Path of the first page whose path begins with `start`. */
export async function pageUnder(context, start) {
  const found = (await allPaths(context)).find((path) => path.startsWith(start));
  assert.ok(found, `the town has no page under ${start}`);
  return found;
}

/** Path of the first page whose HTML has all of `pieces`. */
export async function pageWith(context, ...pieces) {
  for (const path of await allPaths(context)) {
    const text = await (await context.request.get(PUBLIC + path)).text();
    if (pieces.every((piece) => text.includes(piece))) {
      return path;
    }
  }
  assert.fail(`no page of the town has ${pieces.join(' and ')}`);
}
