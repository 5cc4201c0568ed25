//! The public catalogue over HTTP.

use serde_json::{Value, json};

use crate::support::with_schema;

fn titles(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn movies_page_filter_and_search() {
    with_schema(async |schema| {
        let client = schema.ready().await;
        let all = client.get("/content/movies").await;
        assert_eq!(
            (&all["total"], &all["limit"], &all["offset"]),
            (&json!(4), &json!(20), &json!(0))
        );
        assert_eq!(
            titles(&all),
            ["100% Pluto", "Łódź nocą", "The Quiet Harbour", "The Quiet Harbour"]
        );
        let page = client.get("/content/movies?limit=2&offset=1").await;
        assert_eq!((titles(&page), &page["total"]), (titles(&all)[1..3].to_vec(), &json!(4)));
        assert!(titles(&client.get("/content/movies?offset=9").await).is_empty());

        let comedy = client.get("/content/movies?genre=comedy&title=quiet").await;
        assert_eq!((titles(&comedy), &comedy["total"]), (vec!["The Quiet Harbour"], &json!(1)));
        assert_eq!(comedy["items"][0]["genres"], json!(["Comedy", "Drama"]));
        // Signs of LIKE are plain characters, and accents do not matter.
        assert_eq!(titles(&client.get("/content/movies?title=0%25%20p").await), ["100% Pluto"]);
        assert!(titles(&client.get("/content/movies?title=%25%25").await).is_empty());
        assert!(titles(&client.get("/content/movies?title=1_0").await).is_empty());
        assert_eq!(titles(&client.get("/content/movies?title=noca").await), ["Łódź nocą"]);
        assert_eq!(
            titles(&client.get("/content/movies?q=lighthouse").await),
            ["The Quiet Harbour"]
        );
        let both = client.get("/content/movies?q=pizza&genre=Science%20Fiction").await;
        assert_eq!(titles(&both), ["100% Pluto"]);
        assert_eq!(client.get("/content/movies?genre=Opera").await["total"], 0);
        // Nothing typed into a filter becomes SQL.
        assert_eq!(client.get("/content/movies?title=%27%20OR%20%271").await["total"], 0);

        for bad in ["limit=0", "limit=101", "title=", "genre=%00"] {
            let path = format!("/content/movies?{bad}");
            let problem = client.problem(422, "GET", &path, Value::Null).await;
            assert_eq!(problem["errors"].as_array().unwrap().len(), 1, "{problem}");
        }
        for bad in ["limit=many", "offset=-1", "colour=red"] {
            client.problem(400, "GET", &format!("/content/movies?{bad}"), Value::Null).await;
        }
    })
    .await;
}

#[tokio::test]
async fn one_movie() {
    with_schema(async |schema| {
        let client = schema.ready().await;
        let list = client.get("/content/movies?q=lighthouse").await;
        let path = format!("/content/movies/{}", list["items"][0]["id"]);
        let movie = client.get(&path).await;
        assert_eq!(movie["title"], "The Quiet Harbour");
        assert_eq!(movie["release_year"], 2019);
        assert_eq!(movie["original_language"], "en");
        assert_eq!(movie["rating_average"], Value::Null);
        assert_eq!(
            movie["credits"],
            json!([
                {"person": "Zoë Ångström", "role": "director"},
                {"person": "Ivo Karel", "role": "actor", "character_name": "The Keeper"},
            ])
        );
        client.problem(404, "GET", "/content/movies/999999", Value::Null).await;
        client.problem(400, "GET", "/content/movies/harbour", Value::Null).await;
        client.problem(405, "POST", "/content/movies", json!({})).await;
        client.problem(404, "GET", "/content/films", Value::Null).await;
    })
    .await;
}

#[tokio::test]
async fn series_and_genres() {
    with_schema(async |schema| {
        let client = schema.ready().await;
        let list = client.get("/content/series").await;
        assert_eq!(
            (titles(&list), &list["total"]),
            (vec!["Corner Shop", "Signal Lost"], &json!(2))
        );
        assert_eq!(list["items"][0]["end_year"], Value::Null);
        let found = client.get("/content/series?genre=Drama&title=lost&limit=1").await;
        assert_eq!(titles(&found), ["Signal Lost"]);
        client.problem(422, "GET", "/content/series?q=planet", Value::Null).await;

        let one = client.get(&format!("/content/series/{}", found["items"][0]["id"])).await;
        assert_eq!(one["season_count"], 2);
        assert_eq!(one["seasons"][0]["season_number"], 1);
        assert_eq!(one["seasons"][0]["episodes"][1]["title"], "Carrier");
        assert_eq!(one["seasons"][1]["episodes"][0]["runtime_minutes"], 47);
        assert_eq!(one["credits"].as_array().unwrap().len(), 2);
        client.problem(404, "GET", "/content/series/999999", Value::Null).await;

        let genres = client.get("/content/genres").await;
        let names: Vec<_> =
            genres["items"].as_array().unwrap().iter().map(|genre| &genre["name"]).collect();
        assert_eq!(names, ["Comedy", "Drama", "Science Fiction"]);
        assert_eq!(
            (&genres["items"][1]["movies"], &genres["items"][1]["series"]),
            (&json!(3), &json!(1))
        );
    })
    .await;
}
