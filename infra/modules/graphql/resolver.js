import { util } from '@aws-appsync/utils';

// One field, asked of the frontend API by GraphQL over HTTP in the form in which API Gateway would hand it over.

const OPERATION = '${operation} ${field}${declared} { ${field}${passed} ';
// All that there is below the field, parents first; those that have children end with a slash.
const PATHS = ${paths};
const PASSED_ON = ['authorization', 'idempotency-key', 'traceparent', 'baggage'];

// AppSync names what is wanted as the caller does. Where it is an alias nobody can tell of what: then all is asked for. (An
// alias that is the name of a field beside it is taken for that field.)
function wanted(named) {
  const known = PATHS.map(bare);
  const asked = named.filter((path) => !path.endsWith('__typename'));
  if (named.length === 0 || !asked.every((path) => known.includes(path))) {
    return PATHS;
  }
  return PATHS.filter((path) => asked.includes(bare(path)));
}

function bare(path) {
  return path.endsWith('/') ? path.slice(0, path.length - 1) : path;
}

// AppSync's JavaScript has no `repeat`; nothing nests deeper than this.
function ends(count) {
  return ' } } } } } } } }'.slice(0, 2 * count);
}

function selection(paths) {
  let text = '{ __typename';
  let open = 1;
  for (const path of paths) {
    const names = bare(path).split('/');
    const parent = path.endsWith('/');
    text = text + ends(open - names.length) + ' ' + names[names.length - 1] + (parent ? ' { __typename' : '');
    open = names.length + (parent ? 1 : 0);
  }
  return text + ends(open);
}

function headers(given) {
  const headers = { 'content-type': 'application/json', 'x-deadline-ms': '900' };
  for (const name of PASSED_ON) {
    if (given[name]) {
      headers[name] = given[name];
    }
  }
  // AppSync's clients send the bare token.
  if (headers.authorization && !headers.authorization.startsWith('Bearer ')) {
    headers.authorization = 'Bearer ' + headers.authorization;
  }
  return headers;
}

export function request(ctx) {
  const query = OPERATION + selection(wanted(ctx.info.selectionSetList)) + ' }';
  return {
    operation: 'Invoke',
    payload: {
      version: '2.0',
      routeKey: '$default',
      rawPath: '/graphql',
      rawQueryString: '',
      headers: headers(ctx.request.headers),
      requestContext: {
        routeKey: '$default',
        stage: '$default',
        http: { method: 'POST', path: '/graphql', protocol: 'HTTP/1.1' },
      },
      body: JSON.stringify({ query: query, variables: ctx.args }),
      isBase64Encoded: false,
    },
  };
}

export function response(ctx) {
  if (ctx.error) {
    util.error('The service did not answer', 'INTERNAL');
  }
  const answer = JSON.parse(ctx.result.body);
  if (answer.errors) {
    const first = answer.errors[0];
    util.error(first.message, first.extensions ? first.extensions.code : 'INTERNAL', null, first.extensions);
  }
  return answer.data ? answer.data['${field}'] : util.error(answer.message, answer.code);
}
