/*
 * aggregate_ref.c
 *		An aggregate of ours in the text of a query, whoever has functions beside it.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "tables/aggregate_ref.h"

#include "catalog/pg_aggregate.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* customer, ordered_at, amount, as_of, tz */
#define MOST_ARGUMENTS	5

/* The aggregate of exactly these types of arguments. */
static Oid
aggregate_oid(const AggregateRef *ref, const Oid *types, int ntypes)
{
	oidvector  *vector = buildoidvector(types, ntypes);
	const Oid	oid = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
									  CStringGetDatum(ref->aggregate),
									  PointerGetDatum(vector),
									  ObjectIdGetDatum(ref->schema));

	if (!OidIsValid(oid))
		elog(ERROR, "aggregate %s.%s is missing", ref->schema_name,
			 ref->aggregate);
	return oid;
}

/* $number, as the parameters' own hook makes it */
static Node *
time_param(ParseState *pstate, int number)
{
	ParamRef   *param = makeNode(ParamRef);

	param->number = number;
	param->location = -1;
	return pstate->p_paramref_hook(pstate, param);
}

static Node *
make_call(ParseState *pstate, const AggregateRef *ref, int number)
{
	static const char *const columns[] = {"customer", "ordered_at", "amount"};
	Aggref	   *call = makeNode(Aggref);
	List	   *values = NIL;
	Oid			types[MOST_ARGUMENTS];
	int			ntypes = 0;
	ListCell   *cell;

	for (int i = 0; i < lengthof(columns); i++)
		values = lappend(values, colNameToVar(pstate, columns[i], true, -1));
	if (ref->takes_as_of)
		values = lappend(values, time_param(pstate, number));
	if (ref->tz)
		values = lappend(values,
						 makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1,
								   CStringGetTextDatum(ref->tz), false, false));
	foreach(cell, values)
	{
		Expr	   *value = lfirst(cell);

		types[ntypes] = exprType((Node *) value);
		call->aggargtypes = lappend_oid(call->aggargtypes, types[ntypes++]);
		call->args = lappend(call->args,
							 makeTargetEntry(value, ntypes, NULL, false));
	}
	call->aggfnoid = aggregate_oid(ref, types, ntypes);
	call->aggtype = get_func_rettype(call->aggfnoid);
	call->aggkind = AGGKIND_NORMAL;
	call->aggsplit = AGGSPLIT_SIMPLE;
	call->aggno = call->aggtransno = -1;
	call->location = -1;
	pstate->p_hasAggs = true;
	return (Node *) call;
}

/* Is it what the text has for a call? Which one, from 1 on; else 0. */
static int
number_of_call(const AggregateRef *ref, const ColumnRef *column)
{
	static const char prefix[] = "as_of_";
	const char *name;

	if (list_length(column->fields) != 3 ||
		!IsA(lthird(column->fields), String) ||
		strcmp(strVal(linitial(column->fields)), ref->schema_name) != 0 ||
		strcmp(strVal(lsecond(column->fields)), ref->aggregate) != 0)
		return 0;
	name = strVal(lthird(column->fields));
	return strncmp(name, prefix, sizeof(prefix) - 1) == 0 ?
		atoi(name + sizeof(prefix) - 1) : 0;
}

static Node *
find_call(ParseState *pstate, ColumnRef *column, Node *found)
{
	const ParamListInfo params = pstate->p_ref_hook_state;
	const AggregateRef *ref = params->paramCompileArg;
	const int	number = found ? 0 : number_of_call(ref, column);

	return number > 0 ? make_call(pstate, ref, number) : NULL;
}

static void
set_up_parser(ParseState *pstate, void *arg)
{
	const ParamListInfo params = arg;
	const AggregateRef *ref = params->paramCompileArg;

	ref->setup_params(pstate, arg);
	pstate->p_post_columnref_hook = find_call;
}

/* A query with these parameters, of which there are some, may have such calls. */
void
aggregate_ref_hook(AggregateRef *ref, ParamListInfo params)
{
	ref->setup_params = params->parserSetup;
	params->parserSetup = set_up_parser;
	params->paramCompileArg = ref;	/* free: the list compiles nothing */
}
