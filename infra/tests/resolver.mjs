// The resolver, as AppSync runs it, with its one import replaced: what the frontend API is asked, and what comes of its answer.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import test from 'node:test';

const words = {
  operation: 'query',
  field: 'getOrder',
  declared: '($orderId: ID!)',
  passed: '(orderId: $orderId)',
  paths: JSON.stringify(['orderId', 'products/', 'products/name', 'products/package/', 'products/package/width', 'total']),
};
const text = await readFile(new URL('../modules/graphql/resolver.js', import.meta.url), 'utf8');
const filled = text.replace(/\$\{(\w+)\}/g, (_, word) => words[word]).replace(
  /^import .*$/m,
  'const util = { error(message, type) { throw Object.assign(new Error(message), { type }); } };',
);
const { request, response } = await import(`data:text/javascript,${encodeURIComponent(filled)}`);

const asked = (selectionSetList, headers = {}) => {
  const { payload } = request({ args: { orderId: 'o-1' }, request: { headers }, info: { selectionSetList } });
  return { ...payload, body: JSON.parse(payload.body) };
};
const answer = (body) => response({ result: { statusCode: 200, body: JSON.stringify(body) } });

const before = 'query getOrder($orderId: ID!) { getOrder(orderId: $orderId) ';
const all = '{ __typename orderId products { __typename name package { __typename width } } total } }';

test('a field is asked for with its arguments and what is wanted of it', () => {
  const { body } = asked(['orderId', 'products', 'products/package', 'products/package/width']);
  assert.equal(body.query, `${before}{ __typename orderId products { __typename package { __typename width } } } }`);
  assert.deepEqual(body.variables, { orderId: 'o-1' });
});

test('what comes after a nested part stands outside of it', () => {
  assert.equal(asked(['total', 'products', 'products/name']).body.query, `${before}{ __typename products { __typename name } total } }`);
});

test('a parent of whom only the type is wanted is a parent all the same', () => {
  assert.equal(asked(['products', 'products/__typename']).body.query, `${before}{ __typename products { __typename } } }`);
});

test('an alias brings everything', () => {
  assert.equal(asked(['orderId', 'state']).body.query, before + all);
  assert.equal(asked([]).body.query, before + all);
});

test('the caller is passed on, and nothing else of them', () => {
  const { headers } = asked(['orderId'], { authorization: 'a.b.c', 'x-forwarded-for': '10.0.0.1', traceparent: '00-1-2-01' });
  assert.deepEqual(headers, {
    'content-type': 'application/json',
    'x-deadline-ms': '900',
    authorization: 'Bearer a.b.c',
    traceparent: '00-1-2-01',
  });
});

test('an answer is the field of it', () => {
  assert.deepEqual(answer({ data: { getOrder: { orderId: 'o-1' } } }), { orderId: 'o-1' });
  assert.equal(answer({ data: { getOrder: null } }), null);
});

test('a refusal keeps its code', () => {
  const refused = { errors: [{ message: 'no such order', extensions: { code: 'NOT_FOUND' } }] };
  assert.throws(() => answer(refused), { message: 'no such order', type: 'NOT_FOUND' });
  assert.throws(() => answer({ message: 'Unauthorized', code: 'UNAUTHENTICATED' }), { type: 'UNAUTHENTICATED' });
  assert.throws(() => response({ error: { message: 'timed out' } }), { type: 'INTERNAL' });
});
