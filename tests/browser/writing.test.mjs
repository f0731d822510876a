// Writing: a page is begun, written with every tool, looked at, published, changed and taken off;
// and nothing written is lost to a second tab or to a click elsewhere.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DESK, inWindow, withBrowser } from './browser.mjs';
import { OWN_CATEGORY, asReader, atDesk, beginPage, openDesk } from './desk.mjs';
import {
  blocks,
  body,
  editorIsReady,
  errors,
  insertPicture,
  insertTable,
  linkToPage,
  paragraph,
  publish,
  save,
  savedDocument,
  status,
  tool,
} from './editor.mjs';
import { pageOfKind, visit } from './town.mjs';

withBrowser();

/** A story at the desk. */
const desk = (name, act) => test(name, () => atDesk(act));

/** Begins a page, writes one paragraph and publishes it. */
async function publishedPage(page, title, words) {
  const begun = await beginPage(page, { title });
  await editorIsReady(page);
  await body(page).click();
  await page.keyboard.type(words);
  await publish(page);
  return begun;
}

/** Looks at a page that was written with every tool; the same for the preview and for readers. */
async function assertWritten(page, { title, linked }) {
  const text = page.locator('.document');
  assert.equal(await page.locator('h1').innerText(), title);
  assert.equal(await text.locator('h2').innerText(), '持ち物');
  assert.equal(await text.locator('strong').innerText(), '必ず');
  assert.deepEqual(await text.locator('ul > li').allInnerTexts(), ['申請書', '本人確認書類']);
  const link = text.locator('a', { hasText: 'こちら' });
  assert.equal(await link.getAttribute('href'), linked);
  assert.equal(await text.locator('table caption').innerText(), '手数料の一覧');
  assert.deepEqual(await text.locator('thead th[scope=col]').allInnerTexts(), ['種類', '金額']);
  assert.deepEqual(await text.locator('tbody td').allInnerTexts(), ['窓口', '300円']);
  const picture = text.locator('figure img');
  assert.equal(await picture.getAttribute('alt'), '窓口の写真');
  await picture.scrollIntoViewIfNeeded();
  await picture.evaluate((img) => img.decode());
  assert.ok((await picture.evaluate((img) => img.naturalWidth)) > 0, 'the picture shows nothing');
}

desk('a page is written with every tool, looked at, and published', async (page, context) => {
  const linked = await pageOfKind(page, 'procedure');
  await visit(page, linked);
  const linkedTitle = await page.locator('h1').innerText();

  const begun = await beginPage(page, { title: '仮の題' });
  const title = '道具をすべて使ったページ';
  await editorIsReady(page);
  await page.locator('#title').fill(title);
  await body(page).click();
  await tool(page, '見出し2').click();
  assert.equal(await tool(page, '見出し2').getAttribute('aria-pressed'), 'true');
  await page.keyboard.type('持ち物');
  await page.keyboard.press('Enter');
  await page.keyboard.type('次のものを');
  await tool(page, '太字').click();
  await page.keyboard.type('必ず');
  await tool(page, '太字').click();
  await page.keyboard.type('お持ちください。');
  await page.keyboard.press('Enter');
  await tool(page, '箇条書き').click();
  await page.keyboard.type('申請書');
  await page.keyboard.press('Enter');
  await page.keyboard.type('本人確認書類');
  await page.keyboard.press('Enter');
  await tool(page, '箇条書きをやめる').click();
  await page.keyboard.type('くわしくはこちら');
  for (let letter = 0; letter < 'こちら'.length; letter += 1) {
    await page.keyboard.press('Shift+ArrowLeft');
  }
  await linkToPage(page, linkedTitle);
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await insertTable(page, { caption: '手数料の一覧', rows: 1, columns: 2 });
  await body(page).locator('th').first().click();
  for (const words of ['種類', '金額', '窓口', '300円']) {
    await page.keyboard.type(words);
    await page.keyboard.press('Tab');
  }
  await body(page).locator('p', { hasText: 'こちら' }).click();
  await page.keyboard.press('End');
  await page.keyboard.press('Enter');
  await insertPicture(page, '窓口の写真');
  await save(page);

  const [preview] = await Promise.all([context.waitForEvent('page'), page.locator('#preview').click()]);
  await preview.waitForLoadState();
  await assertWritten(preview, { title, linked });
  assert.equal((await asReader(begun.path)).status, 404, 'a draft is public');

  await publish(page);
  await inWindow(DESK, { javaScriptEnabled: false }, async (reader) => {
    await visit(reader, begun.path);
    await assertWritten(reader, { title, linked });
    await visit(reader, `/${OWN_CATEGORY}/`);
    assert.ok(await reader.getByText(title).first().isVisible(), 'the listing does not show it');
  });
});

desk('a page is changed, and readers have the change when the editor says so', async (page) => {
  const { id, path } = await publishedPage(page, '変わるページ', '初めの文です。');
  assert.match((await asReader(path)).text, /初めの文です。/);

  await openDesk(page, `/pages/${id}/`);
  await editorIsReady(page);
  await body(page).press('ControlOrMeta+a');
  await page.keyboard.type('次の文です。');
  await save(page);
  assert.match((await asReader(path)).text, /初めの文です。/, 'a draft is public');
  await publish(page);
  const { text } = await asReader(path);
  assert.match(text, /次の文です。/);
  assert.doesNotMatch(text, /初めの文/);
});

desk('a page is taken off after a question, and readers lose it', async (page) => {
  const { id, path } = await publishedPage(page, '消えるページ', 'もう見られません。');
  assert.equal((await asReader(path)).status, 200);

  await openDesk(page, `/pages/${id}/`);
  await page.getByRole('link', { name: '公開を停止する' }).click();
  await page.waitForURL(/\/withdraw$/);
  assert.equal((await asReader(path)).status, 200, 'it was gone before the answer');
  await page.getByRole('link', { name: 'やめる' }).click();
  await page.waitForURL(/\/pages\/\d+\/$/);
  assert.equal((await asReader(path)).status, 200, 'it is gone though the answer was no');

  await openDesk(page, `/pages/${id}/withdraw`);
  await page.getByRole('button', { name: '公開を停止する' }).click();
  await page.waitForURL(/\/pages\/\d+\/$/);
  const { status: answered, text } = await asReader(path);
  assert.ok([404, 410].includes(answered), `readers got ${answered}`);
  assert.doesNotMatch(text, /もう見られません/);
  assert.equal(await page.locator('.danger-zone').count(), 0, 'it can be taken off once more');
});

desk('what would not be accessible is not published, and the reason is told', async (page) => {
  const { path } = await beginPage(page, { title: '見出しが飛ぶページ' });
  await editorIsReady(page);
  await body(page).click();
  await tool(page, '見出し4').click();
  await page.keyboard.type('いきなり見出し4');
  await page.locator('#publish').click();
  await errors(page).filter({ hasText: '見出しの段階が飛んでいます' }).waitFor();
  assert.ok(await errors(page).evaluate((box) => box === document.activeElement));
  assert.equal((await asReader(path)).status, 404);
});

desk('of two tabs with the same page the second keeps its text and says so', async (page, context) => {
  const { id } = await publishedPage(page, '二つのタブ', '共通の文。');
  const second = await context.newPage();
  for (const tab of [page, second]) {
    await openDesk(tab, `/pages/${id}/`);
    await editorIsReady(tab);
    await body(tab).press('ControlOrMeta+End');
  }
  await page.keyboard.type('一人目。');
  await second.keyboard.type('二人目。');
  await save(page);
  await second.locator('#save').click();
  await errors(second).filter({ hasText: '別の変更' }).waitFor();
  assert.deepEqual(await blocks(second), ['共通の文。二人目。']);
  assert.doesNotMatch(await status(second).innerText(), /保存しました/);
  assert.deepEqual((await savedDocument(page)).content, [paragraph('共通の文。一人目。')]);
});

desk('who leaves with a change that is not saved is asked first', async (page) => {
  await beginPage(page, { title: '離れる前に' });
  await editorIsReady(page);
  await body(page).click();
  await page.keyboard.type('まだ保存していません。');
  const asked = [];
  page.on('dialog', (question) => {
    asked.push(question.type());
    return question.dismiss();
  });
  await page.locator('.bar-brand').click({ noWaitAfter: true });
  await body(page).press('End');
  assert.deepEqual(asked, ['beforeunload']);
  assert.deepEqual(await blocks(page), ['まだ保存していません。']);

  await save(page);
  await page.locator('.bar-brand').click();
  await page.waitForURL(/\/pages\/$/);
  assert.deepEqual(asked, ['beforeunload'], 'it asks though everything is saved');
});
