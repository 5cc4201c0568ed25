# WordPress MySQL database backup
# Created by a plugin
# Generated: Friday 20. November 2026 10:00 UTC
# Hostname: localhost
# Database: `shop`
# --------------------------------------------------------

/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET NAMES utf8mb4 */;
/*!40101 SET foreign_key_checks = 0 */;

# Delete any existing table `wp_comments`

DROP TABLE IF EXISTS `wp_comments`;

# Table structure of table `wp_comments`

CREATE TABLE `wp_comments` (
  `comment_ID` bigint unsigned NOT NULL AUTO_INCREMENT,
  `comment_date` datetime NOT NULL DEFAULT '0000-00-00 00:00:00',
  `comment_content` text NOT NULL,
  PRIMARY KEY (`comment_ID`),
  KEY `comment_date` (`comment_date`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci ;

# Data contents of table wp_comments (2 records)

INSERT INTO `wp_comments` VALUES (1,'0000-00-00 00:00:00','naïve 🙂');
INSERT INTO `wp_comments` VALUES (12,'2020-00-00 00:00:00','half; "quoted" \'too\'');

# End of data contents of table wp_comments
# --------------------------------------------------------
