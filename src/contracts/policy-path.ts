import { JSONPathEnvironment, type JSONPathQuery } from 'json-p3';

const paths = new JSONPathEnvironment();
// Their regular expressions may take for ever on a text that a model is made to write; patterns are what policies have.
paths.functionRegister.delete('match');
paths.functionRegister.delete('search');

const STRINGS = /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/g;
const FILTER = /\[\?((?:[^[\]]|\[[^[\]]*\])*)\]/;
/** What can yield more than one value, or the whole input for each node: wildcard, slice, descent, filter, root. */
const WIDE = /[*:?$]|\.\./;

/**
 * A JSONPath (RFC 9535) of a permission policy, limited to what takes time in proportion to the input, since members
 * write them and models the inputs: one selector per segment, one `..`, one filter, in the filter only single values
 * below the node, no regular expressions. Throws with the reason.
 */
export function policyPath(path: string): JSONPathQuery {
  const query = paths.compile(path);
  const text = String(query).replaceAll(STRINGS, '');
  if (text.includes(',')) throw new Error('more than one selector in a segment');
  if (text.split('..').length > 2) throw new Error('more than one descent');
  if (text.includes('?')) {
    const [whole = text, filter = text] = FILTER.exec(text) ?? [];
    if (WIDE.test(filter) || text.replace(whole, '').includes('?')) {
      throw new Error('more than one filter, or one over more than single values');
    }
  }
  return query;
}
