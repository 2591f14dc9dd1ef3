/*
 * relation.c
 *		A relation given as an argument.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#include "tables/relation.h"

#include "access/relation.h"
#include "base/checks.h"
#include "catalog/pg_class.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

static bool
holds_rows(char relkind)
{
	return relkind == RELKIND_RELATION ||
		relkind == RELKIND_PARTITIONED_TABLE ||
		relkind == RELKIND_VIEW ||
		relkind == RELKIND_MATVIEW ||
		relkind == RELKIND_FOREIGN_TABLE;
}

static bool
may_read(Oid relation_id)
{
	return pg_class_aclcheck(relation_id, GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

/*
 * Opens the relation of an argument of type regclass: one with rows, of which the
 * caller may read at least a column. To be closed with NoLock: the lock is held until
 * the end of the transaction, so that the names stay what they are.
 */
Relation
relation_arg(FunctionCallInfo fcinfo, int argument, const char *name)
{
	Relation	relation;

	if (PG_ARGISNULL(argument))
		reject_null(name);
	relation = try_relation_open(PG_GETARG_OID(argument), AccessShareLock);
	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("argument \"%s\": relation with OID %u does not exist",
						name, PG_GETARG_OID(argument))));
	if (!holds_rows(relation->rd_rel->relkind))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("argument \"%s\": \"%s\" is neither a table nor a view",
						name, RelationGetRelationName(relation))));
	if (!may_read(RelationGetRelid(relation)) &&
		pg_attribute_aclcheck_all(RelationGetRelid(relation), GetUserId(),
								  ACL_SELECT, ACLMASK_ANY) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE,
					   RelationGetRelationName(relation));
	return relation;
}

/* The name of a relation in SQL, whatever the search_path is. */
const char *
relation_sql(Relation relation)
{
	return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
									  RelationGetRelationName(relation));
}

void
check_column_privilege(Oid relation_id, AttrNumber attnum)
{
	if (!may_read(relation_id) &&
		pg_attribute_aclcheck(relation_id, attnum, GetUserId(),
							  ACL_SELECT) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for column %s of %s",
						get_attname(relation_id, attnum, false),
						get_rel_name(relation_id))));
}
