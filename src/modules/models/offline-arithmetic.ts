export type Operation = 'add' | 'subtract' | 'multiply' | 'divide' | 'power';

/** Numbers stay in the digits they were written in. */
export type Expression =
  { type: 'number'; digits: string } | { type: 'operation'; operation: Operation; left: Expression; right: Expression };

const OPERATIONS: Record<string, { operation: Operation; binding: number }> = {
  '+': { operation: 'add', binding: 1 },
  '-': { operation: 'subtract', binding: 1 },
  '*': { operation: 'multiply', binding: 2 },
  '/': { operation: 'divide', binding: 2 },
  '^': { operation: 'power', binding: 3 },
};

/** What is asked for plainly is asked for early; the patterns here are slow on very long texts made for that. */
export const MAX_ASKED_LENGTH = 4000;

/** Parts of one calculation; more would nest deeper than a stack may be. */
const MOST_TOKENS = 400;

const NUMBER = '(-?\\d+(?:\\.\\d+)?)';

/** Spoken forms and the signs they stand for; the first group that fits wins. */
const SPOKEN: [RegExp, string][] = [
  [new RegExp(`\\bsubtract ${NUMBER} from ${NUMBER}`, 'gi'), '($2 - $1)'],
  [new RegExp(`\\badd ${NUMBER} (?:and|to|with|plus) ${NUMBER}`, 'gi'), '($1 + $2)'],
  [new RegExp(`\\bmultiply ${NUMBER} (?:by|and|with) ${NUMBER}`, 'gi'), '($1 * $2)'],
  [new RegExp(`\\bdivide ${NUMBER} by ${NUMBER}`, 'gi'), '($1 / $2)'],
  [new RegExp(`\\braise ${NUMBER} to (?:the )?(?:power (?:of )?)?${NUMBER}`, 'gi'), '($1 ^ $2)'],
  [new RegExp(`\\bsum of ${NUMBER} and ${NUMBER}`, 'gi'), '($1 + $2)'],
  [new RegExp(`\\bproduct of ${NUMBER} and ${NUMBER}`, 'gi'), '($1 * $2)'],
  [new RegExp(`\\bdifference (?:of|between) ${NUMBER} and ${NUMBER}`, 'gi'), '($1 - $2)'],
  [/\s+(?:raised )?to the power (?:of )?(?=-?\d)/gi, ' ^ '],
  [/\s+divided by\s+/gi, ' / '],
  [/\s+(?:multiplied by|times)\s+/gi, ' * '],
  [/\s+plus\s+/gi, ' + '],
  [/\s+minus\s+/gi, ' - '],
  [/(?<=\d)\s+squared\b/gi, ' ^ 2'],
  [/(?<=\d)\s+cubed\b/gi, ' ^ 3'],
];

const ASKED = /\b(what(?:'s| is| are)?|how much|calculate|compute|work out|evaluate|result|solve)\b|=\s*\??\s*$/i;

/** Every calculation that a text plainly asks for: spoken, after a question word, or as the whole text. */
export function findExpressions(text: string): Expression[] {
  const plain = signs(text.slice(0, MAX_ASKED_LENGTH));
  const spoken = SPOKEN.reduce((done, [pattern, sign]) => done.replace(pattern, sign), plain);
  const found = runs(spoken)
    .map(parse)
    .filter((expression) => expression?.type === 'operation');
  const whole = /^[\s\d.+*/^()-]+[\s?=]*$/.test(spoken);
  return spoken !== plain || whole || ASKED.test(plain) ? found : [];
}

/** One spelling for each sign; numbers that mean something else are blanked. */
function signs(text: string): string {
  return text
    .replace(/\b\d{4}-\d{2}-\d{2}\S*|\b\d{1,2}\/\d{1,2}\/\d{2,4}\b|\b\d{1,2}:\d{2}\S*/g, ' ; ')
    .replace(/(?<=\d),(?=\d{3}\b)/g, '')
    .replace(/\*\*/g, '^')
    .replace(/[×·]|(?<=\d)\s*x\s*(?=\d)/g, '*')
    .replace(/÷/g, '/')
    .replace(/[−–]/g, '-');
}

/** Unbroken sequences of numbers, signs and brackets that stand free of words. */
function runs(text: string): string[][] {
  const found = text.matchAll(/(?<![\w.]|\w-)[-(\s]*\d[\d\s.+*/^()-]*(?!\w)/g);
  return [...found].map(([run]) => run.match(/\d+(?:\.\d+)?|[-+*/^()]/g) ?? []);
}

function parse(tokens: string[]): Expression | undefined {
  if (tokens.length > MOST_TOKENS) return undefined;
  let next = 0;

  function operand(): Expression | undefined {
    const token = tokens[next];
    if (token === '(') {
      next += 1;
      const inner = expression(0);
      if (tokens[next] !== ')') return undefined;
      next += 1;
      return inner;
    }
    const sign = token === '-' ? '-' : '';
    const digits = tokens[sign ? next + 1 : next];
    if (!digits || !/^\d/.test(digits)) return undefined;
    next += sign ? 2 : 1;
    return { type: 'number', digits: sign + digits };
  }

  /** Precedence climbing; a power binds to the right. */
  function expression(lowest: number): Expression | undefined {
    let left = operand();
    for (;;) {
      const sign = OPERATIONS[tokens[next] ?? ''];
      if (!left || !sign || sign.binding < lowest) return left;
      next += 1;
      const right = expression(sign.operation === 'power' ? sign.binding : sign.binding + 1);
      left = right && { type: 'operation', operation: sign.operation, left, right };
    }
  }

  const whole = expression(0);
  return next === tokens.length ? whole : undefined;
}

const SIGNS: Record<Operation, string> = { add: '+', subtract: '-', multiply: '×', divide: '÷', power: '^' };

export function formatExpression(expression: Expression, inside = false): string {
  if (expression.type === 'number') return expression.digits;
  const { operation, left, right } = expression;
  const text = `${formatExpression(left, true)} ${SIGNS[operation]} ${formatExpression(right, true)}`;
  return inside ? `(${text})` : text;
}
