// A member of staff at the CMS: signs in, begins pages, finds them again, sees them as readers do.
// The editor itself is in editor.mjs.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { DESK, inWindow, open, required } from './browser.mjs';
import { PUBLIC, STAFF } from './town.mjs';

const LOGIN = required('STAFF_LOGIN');
const PASSWORD = required('STAFF_PASSWORD');

/** Fills in the form of the sign-in page. */
export async function signIn(page, login = LOGIN, password = PASSWORD) {
  await page.goto(`${STAFF}/sign-in`);
  await page.getByLabel('ユーザー名').fill(login);
  await page.getByLabel('パスワード').fill(password);
  await page.getByRole('button', { name: 'サインイン' }).click();
  await page.waitForLoadState();
}

/**
 * The category in which the stories begin their pages, so that they stay out of the listings in
 * which other stories look for pages of the town.
 */
export const OWN_CATEGORY = 'shisei';

let session;

/** A window in which somebody is signed in. One session serves all windows of a file. */
export async function signedIn(viewport = DESK, options = {}) {
  session ??= await inWindow(DESK, {}, async (page, context) => {
    await signIn(page);
    assert.equal(page.url(), `${STAFF}/pages/`, 'signing in did not lead to the list of pages');
    return context.storageState();
  });
  return open(viewport, { storageState: session, ...options });
}

/** Opens such a window for `act` and closes it afterwards, also when `act` fails. */
export async function atDesk(act, viewport = DESK, options = {}) {
  const context = await signedIn(viewport, options);
  try {
    return await act(await context.newPage(), context);
  } finally {
    await context.close();
  }
}

/** Opens a path of the staff's site, which must answer with `status`. */
export async function openDesk(page, path, status = 200) {
  const response = await page.goto(STAFF + path);
  assert.equal(response.status(), status, `${path} answered ${response.status()}`);
  return response;
}

/** Begins a page in the form and ends in its editor. Its address is in `path`, its number in `id`. */
export async function beginPage(page, { title, kind = 'article', category = OWN_CATEGORY }) {
  const name = `test-${randomBytes(6).toString('hex')}`;
  await openDesk(page, '/pages/new');
  await page.locator('main').getByLabel('タイトル').fill(title);
  await page.getByLabel('種類').selectOption(kind);
  await page.getByLabel('分野').selectOption(category);
  await page.getByLabel('アドレスの名前').fill(name);
  await page.getByRole('button', { name: '作成して編集する' }).click();
  await page.waitForURL(/\/pages\/\d+\/$/);
  const id = Number(/\/pages\/(\d+)\/$/.exec(page.url())[1]);
  return { id, path: `/${category}/${name}.html` };
}

/** The number of the page at a public path. */
export async function idOf(page, path) {
  await openDesk(page, `/pages/?q=${encodeURIComponent(path)}`);
  // The translations of a page have paths that end in its own.
  const row = page.locator('tr', { has: page.getByText(path, { exact: true }) });
  assert.equal(await row.count(), 1, `the list of pages does not find ${path}`);
  return Number(/\d+/.exec(await row.locator('a').getAttribute('href'))[0]);
}

/** What readers get at a path, asked in a window without cookies: `{ status, text }`. */
export async function asReader(path) {
  return inWindow(DESK, { javaScriptEnabled: false }, async (page) => {
    const response = await page.goto(PUBLIC + path);
    return { status: response.status(), text: await page.locator('main').innerText() };
  });
}
